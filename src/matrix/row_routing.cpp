#include "matrix/row_routing.hpp"

#include <numeric>

namespace pushcart::detail {

void RowRouting::send_runs(const Partition& partition) {
  const auto num_ranks = static_cast<std::size_t>(comm_.size());
  const Range mine = partition.range(comm_.rank());
  std::vector<Count> sent_runs(num_ranks, 0);
  sent_entries_.assign(num_ranks, 0);
  for (const Run& run : runs_) {
    PUSHCART_CHECK(0 <= run.row && run.row < partition.num_rows());
    const auto owner = static_cast<std::size_t>(partition.owner(run.row));
    ++sent_runs[owner];
    sent_entries_[owner] += run.length;
  }
  received_runs_ = comm_.alltoallv(std::span<const Run>(runs_), std::span<const Count>(sent_runs)).data;
  received_entries_ = comm_.exchange_counts(sent_entries_);
  runs_ = {};

  offsets_.assign(static_cast<std::size_t>(mine.size()) + 1, 0);
  for (const Run& run : received_runs_) {
    PUSHCART_CHECK(mine.contains(run.row));
    offsets_[static_cast<std::size_t>(run.row - mine.begin) + 1] += run.length;
  }
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  std::vector<Count> next(offsets_.begin(), offsets_.end() - 1);
  for (Run& run : received_runs_) {
    Count& at = next[static_cast<std::size_t>(run.row - mine.begin)];
    run.begin = at;
    at += run.length;
  }
}

void RowRouting::sort_rows(Count num_columns) {
  const auto num_rows = static_cast<Count>(offsets_.size()) - 1;
  const auto begin_of = [&](Count row) { return columns_.begin() + offsets_[static_cast<std::size_t>(row)]; };
  bool sorted = true;
  for (Count row = 0; row < num_rows && sorted; ++row)
    sorted = std::is_sorted(begin_of(row), begin_of(row + 1));
  if (!sorted) {  // rows that came in several runs
    sorted_from_.resize(columns_.size());
    std::iota(sorted_from_.begin(), sorted_from_.end(), Count{0});
    for (Count row = 0; row < num_rows; ++row) {
      std::sort(sorted_from_.begin() + offsets_[static_cast<std::size_t>(row)],
                sorted_from_.begin() + offsets_[static_cast<std::size_t>(row) + 1], [&](Count a, Count b) {
                  return columns_[static_cast<std::size_t>(a)] < columns_[static_cast<std::size_t>(b)];
                });
    }
    for (Count row = 0; row < num_rows; ++row) std::sort(begin_of(row), begin_of(row + 1));
  }
  for (Count row = 0; row < num_rows; ++row) {
    const auto begin = begin_of(row), end = begin_of(row + 1);
    PUSHCART_CHECK(std::adjacent_find(begin, end) == end);
    PUSHCART_CHECK(begin == end || (0 <= *begin && *(end - 1) < num_columns));
  }
}

}  // namespace pushcart::detail
