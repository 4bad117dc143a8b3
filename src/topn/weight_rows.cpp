#include "topn/weight_rows.hpp"

#include <algorithm>
#include <numeric>

#include "topn/remote_items.hpp"

namespace pushcart::detail {

WeightRows::WeightRows(const Communicator& comm, const Partition& items, const SparseRows& weights,
                       std::span<const Count> history)
    : own_(&weights), items_(items_of_others(history, items.range(comm.rank()))) {
  const auto requests = comm.alltoallv(std::span<const Count>(items_), counts_by_owner(items, items_));

  std::vector<Count> lengths, entry_counts(requests.counts.size(), 0);
  for (std::size_t rank = 0; rank < requests.counts.size(); ++rank) {
    for (Count i = 0; i < requests.counts[rank]; ++i) {
      lengths.push_back(weights.row_length(requests.data[lengths.size()] - weights.rows.begin));
      entry_counts[rank] += lengths.back();
    }
  }
  // Owners are contiguous ranges, so what comes back by rank is in the order of items_.
  for (const Count length : comm.alltoallv(std::span<const Count>(lengths), requests.counts).data) {
    offsets_.push_back(offsets_.back() + length);
  }
  // One kind after the other: less is held at once.
  const auto answers = [&]<class T>(std::span<const T> (SparseRows::*of_row)(Count) const) {
    std::vector<T> sent;
    sent.reserve(static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), Count{0})));
    for (const Count item : requests.data) {
      const std::span<const T> row = (weights.*of_row)(item - weights.rows.begin);
      sent.insert(sent.end(), row.begin(), row.end());
    }
    return comm.alltoallv(std::span<const T>(sent), entry_counts).data;
  };
  columns_ = answers(&SparseRows::row_columns);
  values_ = answers(&SparseRows::row_values);
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

double value_at(const WeightRows::Row& row, Count column) {
  const auto found = std::lower_bound(row.columns.begin(), row.columns.end(), column);
  if (found == row.columns.end() || *found != column) return 0;
  return static_cast<double>(row.values[static_cast<std::size_t>(found - row.columns.begin())]);
}

Count longest_row(const Communicator& comm, const SparseRows& weights) {
  Count longest = 1;
  for (Count row = 0; row < weights.num_rows(); ++row) longest = std::max(longest, weights.row_length(row));
  return comm.allreduce(longest, Reduce::max);
}

std::vector<Count> weight_batches(const Communicator& comm, const SparseRows& weights, std::size_t num_rows,
                                  const std::function<std::span<const Count>(std::size_t row)>& history) {
  return cut_by_items_of_others(comm, weights.rows, max_fetched_entries / longest_row(comm, weights),
                                num_rows, history);
}

}  // namespace pushcart::detail
