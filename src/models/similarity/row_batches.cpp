#include "models/similarity/row_batches.hpp"

#include <omp.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "pushcart/base/error.hpp"

namespace pushcart::similarity {

namespace {

constexpr Count all_at_once = std::numeric_limits<Count>::max() / 2;

/// Rows of a rank in the first batch: all, if the work is small. Collective.
Count first_rows(const Communicator& comm, const Product& product) {
  constexpr double small_work = 1e10;  // multiply-adds of a thread: some seconds
  constexpr Count first_share = 64;
  const SparseRows &left = *product.left.pattern, &right = *product.right.pattern;
  const auto num_left = static_cast<double>(comm.allreduce(left.num_entries(), Reduce::max));
  const auto num_right = static_cast<double>(comm.sum(right.num_entries()));
  // At least: every u has as many right rows as the mean one.
  const double work = num_left * num_right / static_cast<double>(std::max<Count>(1, right.num_columns));
  const int num_threads = comm.allreduce(omp_get_max_threads(), Reduce::min);
  const Count num_rows = comm.allreduce(left.num_rows(), Reduce::max);
  return work < small_work * num_threads ? num_rows : num_rows / first_share;
}

}  // namespace

RowBatches::RowBatches(const Communicator& comm, const Product& product, BestOfRows& best, Count num_columns,
                       RowCheckpoints* checkpoints)
    : comm_(comm),
      left_rows_(*product.left.pattern),
      best_(best),
      checkpoints_(checkpoints),
      is_done_(best.sizes.size(), 0),
      pace_(checkpoints ? checkpoints->batch_rows() : all_at_once,
            checkpoints ? first_rows(comm, product) : 0) {
  if (checkpoints_) take_up(checkpoints_->resume(left_rows_.rows, num_columns));
  for (Count row = 0; row < left_rows_.num_rows(); ++row) {
    if (!is_done_[static_cast<std::size_t>(row)]) left_.push_back(row);
  }
}

void RowBatches::take_up(const RowLists& done) {
  // Ranks without such rows see nothing of it.
  if (comm_.any(best_.has_support && done.support.size() != done.columns.size())) {
    throw InputError("a checkpoint of neighbours has no support of its pairs");
  }
  for (std::size_t n = 0; n < done.rows.size(); ++n) {
    const Count row = done.rows[n] - left_rows_.rows.begin;
    const Count size = std::min(best_.k, done.offsets[n + 1] - done.offsets[n]);
    for (Count e = 0; e < size; ++e) {
      const auto entry = static_cast<std::size_t>(done.offsets[n] + e);
      best_.keys_of(row)[e] = key_of(done.scores[entry], static_cast<std::uint32_t>(done.columns[entry]));
      if (best_.has_support) {
        best_.support_of(row)[e] = done.support[entry];
      }
    }
    best_.sizes[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(size);
    is_done_[static_cast<std::size_t>(row)] = 1;
  }
}

bool RowBatches::next() {
  const auto num_left = static_cast<Count>(left_.size());
  for (const Count row : rows()) is_done_[static_cast<std::size_t>(row)] = 1;
  const bool is_first = !std::exchange(has_begun_, true);
  if (!is_first) pace_.end(comm_);
  if (!comm_.any(end_ < num_left)) return false;
  if (!is_first) checkpoints_->between_batches(done());
  begin_ = end_;
  end_ = std::min(num_left, end_ + pace_.rows());
  pace_.begin();
  return true;
}

RowLists RowBatches::done() const {
  RowLists lists;
  for (Count row = 0; row < left_rows_.num_rows(); ++row) {
    if (!is_done_[static_cast<std::size_t>(row)]) continue;
    lists.rows.push_back(left_rows_.rows.begin + row);
    for (Count e = 0; e < best_.sizes[static_cast<std::size_t>(row)]; ++e) {
      const std::uint64_t key = best_.keys_of(row)[e];
      lists.columns.push_back(column_of_key(key));
      lists.scores.push_back(score_of_key(key));
      if (best_.has_support) {
        lists.support.push_back(best_.support_of(row)[e]);
      }
    }
    lists.offsets.push_back(static_cast<Count>(lists.columns.size()));
  }
  return lists;
}

}  // namespace pushcart::similarity
