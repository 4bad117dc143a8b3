#include "pushcart/matrix/attach_vectors.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "events/field_values.hpp"
#include "matrix/match_rows.hpp"
#include "matrix/vectors/vector_rows.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace detail {

void check_vectors(const std::string& path, const VectorRows& rows, Count first_row) {
  for (Count row = 0; row < rows.ids.size(); ++row) {
    const auto place = [&] { return fmt::format("{}: row {}", path, first_row + row); };
    if (rows.ids[row].empty()) throw InputError(place() + " has no id");
    const float* const values = rows.values.data() + row * rows.num_columns;
    const auto bad =
        std::find_if_not(values, values + rows.num_columns, [](float v) { return std::isfinite(v); });
    if (bad == values + rows.num_columns) continue;
    throw InputError(fmt::format("{} (id {}, both counted from 0): number {} is {}, not a finite float32",
                                 place(), shown(rows.ids[row]), bad - values, *bad));
  }
}

}  // namespace detail

namespace {

using detail::VectorRows;

/// By the ending of its name.
VectorRows read_rows(const Communicator& comm, const VectorFile& file,
                     const detail::AnnounceColumns& announce) {
  const std::string& path = file.path;
  if (!file.feature.empty()) return detail::read_feature_vectors(comm, path, file.feature, announce);
  const auto ending = std::filesystem::path(path).extension();
  if (ending == ".npy") return detail::read_npy_vectors(comm, path, announce);
  if (ending == ".h5" || ending == ".hdf5") return detail::read_hdf5_vectors(comm, path, announce);
  return detail::read_delimited_vectors(comm, path, announce);
}

/// A row scaled to length 1, or of zeros. @return its length
double append_normalized(const VectorRows& rows, Count row, std::vector<float>& to) {
  const auto values = std::span(rows.values)
                          .subspan(static_cast<std::size_t>(row * rows.num_columns),
                                   static_cast<std::size_t>(rows.num_columns));
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::sqrt(squares);
  for (const float value : values)
    to.push_back(length > 0 ? static_cast<float>(static_cast<double>(value) / length) : 0.0F);
  return length;
}

/// The vectors of the owned items, from wherever their rows were read. Collective.
std::vector<float> by_owner(const Communicator& comm, const Partition& items, const VectorRows& rows,
                            const detail::Matches& matches, Count& num_zero) {
  std::vector<int> owners;
  for (const Count item : matches.indices) owners.push_back(items.owner(item));
  const SendOrder send = order_by_rank(owners, comm.size());
  std::vector<float> packed;
  packed.reserve(static_cast<std::size_t>(static_cast<Count>(send.order.size()) * rows.num_columns));
  for (const Count match : send.order) {
    if (!(append_normalized(rows, matches.rows[static_cast<std::size_t>(match)], packed) > 0)) ++num_zero;
  }
  std::vector<Count> value_counts = send.counts;
  for (Count& count : value_counts) count *= rows.num_columns;
  const auto indices = exchange_grouped<Count>(comm, matches.indices, send).data;
  const auto values = comm.alltoallv(std::span<const float>(packed), value_counts).data;
  const Range mine = items.range(comm.rank());
  std::vector<float> owned(static_cast<std::size_t>(mine.size() * rows.num_columns), 0.0F);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i) * rows.num_columns, rows.num_columns,
                owned.begin() + (indices[i] - mine.begin) * rows.num_columns);
  }
  return owned;
}

}  // namespace

VectorReport attach_vectors(const Communicator& comm, Dataset& dataset, const VectorFile& file,
                            Count memory_budget_bytes) {
  if (std::any_of(dataset.item_vectors.begin(), dataset.item_vectors.end(),
                  [&](const ItemVectors& set) { return set.name == file.name; })) {
    throw ConfigError(
        fmt::format("{}: there are vectors named '{}' already; give it another name", file.path, file.name));
  }
  const VectorRows rows = read_rows(comm, file, [&](Count num_columns) {
    MemoryPlan plan;
    plan_vectors(plan, static_cast<Count>(std::filesystem::file_size(file.path)) / comm.size(),
                 dataset.items.range(comm.rank()).size() * num_columns * Count{sizeof(float)});
    announce_memory(comm, fmt::format("item vectors '{}'", file.name), plan, memory_budget_bytes);
  });
  const auto index_of_row = DictionaryLookup(comm, dataset.items, dataset.item_ids).find(rows.ids);
  const auto matches = detail::first_of_each(comm, dataset.items, index_of_row);
  const auto num_unknown =
      static_cast<Count>(std::count(index_of_row.begin(), index_of_row.end(), Count{-1}));
  const auto num_matched = static_cast<Count>(matches.rows.size());

  VectorReport report;
  report.num_columns = rows.num_columns;
  report.rows = comm.sum(rows.ids.size());
  report.matched = comm.sum(num_matched);
  report.unknown = comm.sum(num_unknown);
  report.repeated = report.rows - report.matched - report.unknown;
  report.missing = dataset.num_items() - report.matched;
  if (report.matched == 0) {
    throw InputError(
        fmt::format("{}: none of its {} rows names an item of the data set", file.path, report.rows));
  }
  Count num_zero = 0;
  ItemVectors set{file.name, rows.num_columns, by_owner(comm, dataset.items, rows, matches, num_zero)};
  report.zero = comm.sum(num_zero);
  dataset.item_vectors.push_back(std::move(set));
  return report;
}

void plan_vectors(MemoryPlan& plan, Count read_bytes, Count owned_bytes) {
  plan.add("vectors read and sent", 2 * read_bytes);
  plan.add("vectors received", 2 * owned_bytes);
  plan.add("vectors of the items", owned_bytes);
}

}  // namespace pushcart
