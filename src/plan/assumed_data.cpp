#include "pushcart/plan/assumed_data.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {
namespace {

constexpr double head = 5;  // rows by which the first ones are alike

Count rounded(double value) {
  return static_cast<Count>(std::llround(value));
}

/// Work of rows [begin, end), and which of them lie in granules with gradients: by granules, the rows of one
/// being alike but for whether the longest or the shortest go by gradients.
void add_work(const AssumedRows& rows, const AlsConfig& config, Range own, ExpectedSide& side) {
  const Count granule = Partition::granule(rows.num_rows());
  for (Count begin = own.begin; begin < own.end; begin += granule) {
    const Count end = std::min(begin + granule, own.end), count = end - begin;
    const Count longest = rounded(rows.length(begin)), shortest = rounded(rows.length(end - 1));
    const Count mean = rounded(rows.entries(begin, end) / static_cast<double>(count));
    side.solving_work += static_cast<double>(count) * cost_of_als_row(config, mean).work;
    const bool starts =
        cost_of_als_row(config, longest).by_gradients || cost_of_als_row(config, shortest).by_gradients;
    if (starts) side.start_rows += count;
  }
}

/// @param own, own_columns  rows and columns of this rank
ExpectedSide side_of(const AssumedRows& rows, const AssumedRows& columns, const AlsConfig& config, Range own,
                     Range own_columns) {
  ExpectedSide side;
  side.rows = own.size();
  if (own.size() == 0) return side;
  const double entries = rows.entries(own.begin, own.end);
  side.entries = rounded(entries);
  side.remote_columns = rounded(columns.distinct(entries, 0, own_columns.begin) +
                                columns.distinct(entries, own_columns.end, columns.num_rows()));
  // Longer ones are solved in parts.
  side.longest_row = std::clamp<Count>(rounded(rows.length(own.begin)), 1, config.split_length);
  add_work(rows, config, own, side);
  return side;
}

}  // namespace

void check(const AssumedData& data) {
  const auto expect = [](bool good, const char* option, const std::string& what) {
    if (!good) throw ConfigError(fmt::format("{}: must be {}", option, what));
  };
  expect(data.users >= 1, "--users", "at least 1 (or give a data set with --data)");
  expect(data.items >= 1, "--items", "at least 1 (or give a data set with --data)");
  expect(data.pairs >= 1, "--events", "at least 1 (or give a data set with --data)");
  expect(data.pairs <= data.log_lines, "--pairs", fmt::format("at most --events ({})", data.log_lines));
  expect(static_cast<double>(data.pairs) <= static_cast<double>(data.users) * static_cast<double>(data.items),
         "--pairs",
         "at most users times items, since pairs are distinct; give --pairs if pairs repeat in the log");
  for (const auto& [exponent, option] :
       {std::pair{data.user_exponent, "--user-exponent"}, std::pair{data.item_exponent, "--item-exponent"}}) {
    expect(std::isfinite(exponent) && exponent >= 0 && exponent < 3, option,
           "a number of at least 0 and below 3");
  }
}

AssumedRows::AssumedRows(Count num_rows, Count num_entries, double exponent)
    : num_rows_(num_rows), num_entries_(static_cast<double>(num_entries)), exponent_(exponent), total_(1) {
  total_ = share(0, static_cast<double>(num_rows));
}

double AssumedRows::share(double begin, double end) const {
  const double power = 1 - exponent_;
  const auto antiderivative = [&](double row) {
    return std::abs(power) < 1e-9 ? std::log(row + head) : std::pow(row + head, power) / power;
  };
  return (antiderivative(end) - antiderivative(begin)) / total_;
}

double AssumedRows::length(Count row) const {
  return num_entries_ * share(static_cast<double>(row), static_cast<double>(row + 1));
}

double AssumedRows::entries(Count begin, Count end) const {
  return num_entries_ * share(static_cast<double>(begin), static_cast<double>(end));
}

double AssumedRows::distinct(double num_interactions, Count begin, Count end) const {
  // Rows of like rank are alike: a step is a fiftieth of the rank.
  double sum = 0;
  for (Count first = begin; first < end;) {
    const Count last = std::min(end, first + std::max<Count>(1, first / 50));
    const double count = static_cast<double>(last - first);
    const double a_row = share(static_cast<double>(first), static_cast<double>(last)) / count;
    sum -= count * std::expm1(-num_interactions * a_row);
    first = last;
  }
  return sum;
}

Partition AssumedRows::partition(int num_ranks) const {
  const Count granule = Partition::granule(num_rows_);
  std::vector<Count> lengths;
  for (Count row = 0; row < num_rows_; row += granule) {
    lengths.push_back(rounded(entries(row, std::min(row + granule, num_rows_))));
  }
  return partition_by_work(num_rows_, lengths, num_ranks);
}

namespace {

/// Ranks that would have more to solve than the mean lend rows to others.
void even_out_work(std::vector<AssumedPart>& parts) {
  for (const auto side : {&ExpectedPart::users, &ExpectedPart::items}) {
    double all = 0;
    for (const AssumedPart& part : parts) all += (part.als.*side).solving_work;
    for (AssumedPart& part : parts) (part.als.*side).solving_work = all / static_cast<double>(parts.size());
  }
}

}  // namespace

std::vector<AssumedPart> assume_parts(const AssumedData& data, const AlsConfig& config, int num_ranks) {
  const AssumedRows users(data.users, data.pairs, data.user_exponent),
      items(data.items, data.pairs, data.item_exponent);
  const Partition user_cuts = users.partition(num_ranks), item_cuts = items.partition(num_ranks);
  std::vector<AssumedPart> parts;
  for (int rank = 0; rank < num_ranks; ++rank) {
    const Range own_users = user_cuts.range(rank), own_items = item_cuts.range(rank);
    AssumedPart& part = parts.emplace_back();
    part.als.users = side_of(users, items, config, own_users, own_items);
    part.als.items = side_of(items, users, config, own_items, own_users);
    part.sizes.users = own_users.size();
    part.sizes.items = own_items.size();
    part.sizes.user_entries = part.als.users.entries;
    part.sizes.item_entries = part.als.items.entries;
    part.sizes.event_types = data.event_types;
    part.sizes.texts = own_users.size() + 2 * own_items.size();  // ids, and names of items
    part.sizes.text_bytes = (own_users.size() + own_items.size()) * data.id_bytes;
  }
  even_out_work(parts);
  return parts;
}

}  // namespace pushcart
