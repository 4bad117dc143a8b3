#include <fmt/core.h>

#include <algorithm>

#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/topn/filters.hpp"
#include "pushcart/topn/query_lists.hpp"
#include "topn/mark_items.hpp"

namespace pushcart {

namespace {

constexpr std::size_t block_bytes = 1 << 20;
constexpr std::size_t max_id_bytes = 1 << 16;

void add_lines(std::string_view block, StringTable& ids) {
  while (!block.empty()) {
    const std::size_t end = block.find('\n');
    std::string_view line = block.substr(0, end);
    block.remove_prefix(end == std::string_view::npos ? block.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) ids.push_back(line);
  }
}

Count count_unknown(const Communicator& comm, std::span<const Count> indices) {
  return comm.sum(std::count(indices.begin(), indices.end(), Count{-1}));
}

}  // namespace

StringTable read_id_list(const Communicator& comm, const std::string& path) {
  return collectively(comm, "read the list of ids", [&] {
    StringTable ids;
    const auto files = find_inputs({path});
    std::string block;
    const auto shares = share_inputs(files, comm.size());
    for (const WorkUnit& unit : shares[static_cast<std::size_t>(comm.rank())]) {
      BlockReader reader(files[static_cast<std::size_t>(unit.file)], unit, block_bytes, max_id_bytes);
      while (reader.next(block)) add_lines(block, ids);
    }
    return ids;
  });
}

AllowedItems allowed_items(const Communicator& comm, const Dataset& dataset, const ItemListFiles& files) {
  AllowedItems result;
  result.num_allowed = dataset.num_items();
  if (files.exclude.empty() && files.include.empty()) return result;
  const DictionaryLookup lookup(comm, dataset.items, dataset.item_ids);
  const auto num_owned = static_cast<std::size_t>(dataset.items.range(comm.rank()).size());
  std::vector<std::uint8_t> included(num_owned, files.include.empty() ? 1 : 0), excluded(num_owned, 0);
  if (!files.include.empty()) {
    const auto indices = lookup.find(read_id_list(comm, files.include));
    detail::mark_items(comm, dataset.items, indices, included);
    result.num_unknown_included = count_unknown(comm, indices);
  }
  if (!files.exclude.empty()) {
    const auto indices = lookup.find(read_id_list(comm, files.exclude));
    detail::mark_items(comm, dataset.items, indices, excluded);
    result.num_unknown_excluded = count_unknown(comm, indices);
  }
  for (std::size_t i = 0; i < num_owned; ++i) result.allowed.push_back(included[i] && !excluded[i] ? 1 : 0);
  result.num_allowed = comm.sum(std::count(result.allowed.begin(), result.allowed.end(), std::uint8_t{1}));
  if (result.num_allowed == 0) {
    throw InputError(
        fmt::format("{}{}: these item lists leave no item of the dataset to recommend ({} included ids and "
                    "{} excluded ids are unknown); check that the ids are those of the log",
                    files.include, files.include.empty() ? files.exclude : "", result.num_unknown_included,
                    result.num_unknown_excluded));
  }
  return result;
}

namespace {

/// Rows of a table by their names: what ServedUsers and ServedQueries have.
struct ServedRows {
  std::vector<Count> rows;
  StringTable unknown;
  Count num_unknown = 0, num_repeated = 0;
};

ServedRows find_rows(const Communicator& comm, const Partition& partition, const StringTable& table,
                     const StringTable& wanted) {
  ServedRows served;
  const auto indices = DictionaryLookup(comm, partition, table).find(wanted);
  std::vector<Count> known;
  std::vector<int> owners;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0) {
      served.unknown.push_back(wanted[static_cast<Count>(i)]);
    } else {
      known.push_back(indices[i]);
      owners.push_back(partition.owner(indices[i]));
    }
  }
  served.rows = exchange_grouped<Count>(comm, known, order_by_rank(owners, comm.size())).data;
  const auto num_given = static_cast<Count>(served.rows.size());
  std::sort(served.rows.begin(), served.rows.end());
  served.rows.erase(std::unique(served.rows.begin(), served.rows.end()), served.rows.end());
  served.num_unknown = comm.sum(served.unknown.size());
  served.num_repeated = comm.sum(num_given - static_cast<Count>(served.rows.size()));
  return served;
}

}  // namespace

ServedUsers served_users(const Communicator& comm, const Dataset& dataset, const std::string& path) {
  if (path.empty()) return {indices_of(dataset.users.range(comm.rank())), {}, 0, 0};
  const StringTable ids = read_id_list(comm, path);
  if (comm.sum(ids.size()) == 0) throw InputError(fmt::format("{}: names no user; give one id a line", path));
  ServedRows served = find_rows(comm, dataset.users, dataset.user_ids, ids);
  return {std::move(served.rows), std::move(served.unknown), served.num_unknown, served.num_repeated};
}

ServedQueries served_queries(const Communicator& comm, const Dataset& dataset, const StringTable& texts) {
  if (!dataset.searches) return {{}, texts, comm.sum(texts.size()), 0};
  ServedRows served = find_rows(comm, dataset.searches->queries, dataset.searches->texts, texts);
  return {std::move(served.rows), std::move(served.unknown), served.num_unknown, served.num_repeated};
}

}  // namespace pushcart
