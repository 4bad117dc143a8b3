#pragma once

#include <span>
#include <vector>

#include "models/similarity/best_columns.hpp"
#include "models/similarity/operands.hpp"
#include "pushcart/checkpoint/batch_pace.hpp"
#include "pushcart/checkpoint/row_lists.hpp"

namespace pushcart::similarity {

/// The left rows in batches, between which a checkpoint may be written; without checkpoints all at once. Rows
/// that an earlier run has done get their best from its checkpoint. Collective, but for rows().
class RowBatches {
 public:
  /// @param best  what is done is put into it
  RowBatches(const Communicator& comm, const Product& product, BestOfRows& best, Count num_columns,
             RowCheckpoints* checkpoints);

  /// Whether there is one more batch, the same on all ranks; the one before is done.
  bool next();
  /// Rows of the batch, counted from this rank's first; on some ranks there may be none.
  std::span<const Count> rows() const {
    return std::span(left_).subspan(static_cast<std::size_t>(begin_),
                                    static_cast<std::size_t>(end_ - begin_));
  }

 private:
  void take_up(const RowLists& done);
  RowLists done() const;

  const Communicator& comm_;
  const SparseRows& left_rows_;
  BestOfRows& best_;
  RowCheckpoints* checkpoints_;
  std::vector<Count> left_;            // rows to do
  std::vector<std::uint8_t> is_done_;  // by row
  Count begin_ = 0, end_ = 0;          // of the batch among these
  BatchPace pace_;
  bool has_begun_ = false;
};

}  // namespace pushcart::similarity
