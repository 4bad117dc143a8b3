#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// Brings entries of a sparse matrix, which lie on any ranks in any order, to the owners of their rows, each
/// row in order of column. Entries that come in runs of one row stay runs: a row's number travels once a run.
/// Columns and any number of values take the same way, one after the other.
class RowRouting {
 public:
  /// Collective. InternalError if a row or column is out of range, or a pair comes twice to a rank.
  /// @param row_of, column_of  of each of `count` entries of this rank; global
  template <class RowOf, class ColumnOf>
  RowRouting(const Communicator& comm, const Partition& partition, Count num_columns, std::size_t count,
             RowOf&& row_of, ColumnOf&& column_of)
      : comm_(comm) {
    find_runs(count, row_of);
    order_entries(count, column_of);
    send_runs(partition);
    columns_ = placed<Count>(column_of);
    sort_rows(num_columns);
  }

  const std::vector<Count>& offsets() const { return offsets_; }
  std::vector<Count> take_columns() { return std::move(columns_); }

  /// value_of(entry) for all entries, where their columns are. Collective.
  template <class ValueOf>
  auto bring(ValueOf&& value_of) const {
    using Value = std::decay_t<decltype(value_of(std::size_t{}))>;
    std::vector<Value> values = placed<Value>(value_of);
    if (sorted_from_.empty()) return values;
    std::vector<Value> sorted;
    sorted.reserve(values.size());
    for (const Count from : sorted_from_) sorted.push_back(values[static_cast<std::size_t>(from)]);
    return sorted;
  }

 private:
  /// Consecutive entries of one row.
  struct Run {
    Count row = 0;
    Count begin = 0;  ///< of its entries: here where they lie, at the owner where they go
    Count length = 0;
  };

  template <class RowOf>
  void find_runs(std::size_t count, RowOf&& row_of) {
    for (std::size_t entry = 0; entry < count; ++entry) {
      const Count row = row_of(entry);
      if (runs_.empty() || runs_.back().row != row) runs_.push_back({row, static_cast<Count>(entry), 0});
      ++runs_.back().length;
    }
    std::stable_sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.row < b.row; });
  }

  /// Entries in the order of the runs, each run by column: rows that are whole here are then in their final
  /// order.
  template <class ColumnOf>
  void order_entries(std::size_t count, ColumnOf&& column_of) {
    order_.resize(count);
    std::vector<Count> first;  // of each run in order_
    first.reserve(runs_.size());
    Count total = 0;
    for (const Run& run : runs_) {
      first.push_back(total);
      total += run.length;
    }
    constexpr std::size_t runs_at_once = 1024;
    parallel_for(static_cast<Count>((runs_.size() + runs_at_once - 1) / runs_at_once), [&](Count part) {
      std::vector<std::pair<Count, Count>> keyed;  // column, entry
      const std::size_t begin = static_cast<std::size_t>(part) * runs_at_once;
      for (std::size_t r = begin; r < std::min(runs_.size(), begin + runs_at_once); ++r) {
        keyed.clear();
        for (Count entry = runs_[r].begin; entry < runs_[r].begin + runs_[r].length; ++entry) {
          keyed.emplace_back(column_of(static_cast<std::size_t>(entry)), entry);
        }
        if (!std::is_sorted(keyed.begin(), keyed.end())) std::sort(keyed.begin(), keyed.end());
        Count* const out = order_.data() + first[r];
        for (std::size_t i = 0; i < keyed.size(); ++i) out[i] = keyed[i].second;
      }
    });
  }

  void send_runs(const Partition& partition);
  void sort_rows(Count num_columns);

  template <class Value, class ValueOf>
  std::vector<Value> placed(ValueOf&& value_of) const {
    std::vector<Value> grouped;
    grouped.reserve(order_.size());
    for (const Count entry : order_) grouped.push_back(value_of(static_cast<std::size_t>(entry)));
    if (comm_.size() == 1) return grouped;  // in the order of rows already
    std::vector<Value> arrived(static_cast<std::size_t>(offsets_.back()));
    comm_.alltoallv_into(std::span<const Value>(grouped), std::span<const Count>(sent_entries_),
                         std::span<Value>(arrived), std::span<const Count>(received_entries_));
    grouped.resize(arrived.size());
    const Value* from = arrived.data();
    for (const Run& run : received_runs_) {
      std::copy_n(from, run.length, grouped.data() + run.begin);
      from += run.length;
    }
    return grouped;
  }

  const Communicator& comm_;
  std::vector<Run> runs_;
  std::vector<Count> order_;                            ///< entries in the order in which they leave
  std::vector<Count> sent_entries_, received_entries_;  ///< by rank
  std::vector<Run> received_runs_;                      ///< in the order of arrival
  std::vector<Count> offsets_;
  std::vector<Count> columns_;
  std::vector<Count> sorted_from_;  ///< of each entry of columns_; empty if they came sorted
};

}  // namespace pushcart::detail
