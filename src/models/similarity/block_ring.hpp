#pragma once

#include <array>
#include <vector>

#include "models/similarity/column_block.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::similarity {

/// Blocks on their way round the ranks: every rank works on its own first, then on its successor's and so on,
/// and hands each to its predecessor while it works. Two blocks a rank. Collective, but for advance().
class BlockRing {
 public:
  /// @param own  this rank's blocks
  BlockRing(const Communicator& comm, const Operand& right, const std::vector<BlockShape>& own);

  /// Bytes of the two buffers on this rank.
  Count planned_bytes() const { return 2 * largest_bytes_; }
  /// That next() gives, empty ones too.
  Count num_blocks() const { return static_cast<Count>(shapes_.size()); }
  /// Begins the exchange of the next block and returns the one to work on; nullptr after the last.
  const ColumnBlock* next();
  /// Moves messages on. Local; on the main thread only.
  void advance();

 private:
  void start_exchange();
  void finish_exchange();
  const BlockShape& shape(Count round, Count step) const;

  const Communicator& comm_;
  const Operand& right_;
  std::vector<BlockShape> shapes_;  ///< of all ranks, a row a rank, padded with empty ones
  Count num_rounds_ = 0, largest_bytes_ = 0;
  Count round_ = 0, step_ = -1;
  std::array<ColumnBlock, 2> blocks_;
  std::size_t current_ = 0;
  std::vector<Request> requests_;
};

}  // namespace pushcart::similarity
