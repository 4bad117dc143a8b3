#include "topn/weight_rows.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace pushcart::detail {

namespace {

/// The distinct items outside `own`, ascending.
std::vector<Count> items_of_others(std::span<const Count> items, Range own) {
  std::vector<Count> result;
  std::copy_if(items.begin(), items.end(), std::back_inserter(result),
               [&](Count item) { return !own.contains(item); });
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<Count> counts_by_owner(const Partition& partition, std::span<const Count> ascending) {
  std::vector<Count> counts(static_cast<std::size_t>(partition.num_ranks()), 0);
  for (Count item : ascending) ++counts[static_cast<std::size_t>(partition.owner(item))];
  return counts;
}

}  // namespace

WeightRows::WeightRows(const Communicator& comm, const Partition& items, const SparseRows& weights,
                       std::span<const Count> history)
    : own_(&weights), items_(items_of_others(history, items.range(comm.rank()))) {
  const auto requests = comm.alltoallv(std::span<const Count>(items_), counts_by_owner(items, items_));

  std::vector<Count> lengths, columns, entry_counts(requests.counts.size(), 0);
  std::vector<float> values;
  std::size_t next = 0;
  for (std::size_t rank = 0; rank < requests.counts.size(); ++rank) {
    for (Count i = 0; i < requests.counts[rank]; ++i) {
      const Count row = requests.data[next++] - weights.rows.begin;
      const auto row_columns = weights.row_columns(row);
      const auto row_values = weights.row_values(row);
      lengths.push_back(weights.row_length(row));
      entry_counts[rank] += lengths.back();
      columns.insert(columns.end(), row_columns.begin(), row_columns.end());
      values.insert(values.end(), row_values.begin(), row_values.end());
    }
  }
  // Owners are contiguous ranges, so what comes back by rank is in the order of items_.
  const auto answer = comm.alltoallv(std::span<const Count>(lengths), requests.counts);
  columns_ = comm.alltoallv(std::span<const Count>(columns), entry_counts).data;
  values_ = comm.alltoallv(std::span<const float>(values), entry_counts).data;
  for (Count length : answer.data) offsets_.push_back(offsets_.back() + length);
}

WeightRows::Row WeightRows::row(Count item) const {
  if (own_->rows.contains(item)) {
    return {own_->row_columns(item - own_->rows.begin), own_->row_values(item - own_->rows.begin)};
  }
  const auto found = std::lower_bound(items_.begin(), items_.end(), item);
  PUSHCART_EXPECT(found != items_.end() && *found == item);
  const auto position = static_cast<std::size_t>(found - items_.begin());
  const auto begin = static_cast<std::size_t>(offsets_[position]);
  const auto length = static_cast<std::size_t>(offsets_[position + 1]) - begin;
  return {std::span(columns_).subspan(begin, length), std::span(values_).subspan(begin, length)};
}

std::vector<Count> weight_batches(const Communicator& comm, const SparseRows& weights, std::size_t num_rows,
                                  const std::function<std::span<const Count>(std::size_t row)>& history) {
  Count longest = 1;
  for (Count row = 0; row < weights.num_rows(); ++row) longest = std::max(longest, weights.row_length(row));
  longest = comm.allreduce(longest, Reduce::max);

  std::vector<Count> cuts{0};
  std::unordered_set<Count> fetched;
  for (std::size_t row = 0; row < num_rows; ++row) {
    std::vector<Count> added;
    for (Count item : history(row)) {
      if (!weights.rows.contains(item) && fetched.insert(item).second) added.push_back(item);
    }
    if (static_cast<Count>(fetched.size()) * longest <= max_fetched_entries || added.size() == fetched.size())
      continue;
    cuts.push_back(static_cast<Count>(row));
    fetched.clear();
    for (Count item : history(row)) {
      if (!weights.rows.contains(item)) fetched.insert(item);
    }
  }
  cuts.push_back(static_cast<Count>(num_rows));
  const auto num_cuts = comm.allreduce(static_cast<Count>(cuts.size()), Reduce::max);
  cuts.resize(static_cast<std::size_t>(num_cuts), static_cast<Count>(num_rows));
  return cuts;
}

}  // namespace pushcart::detail
