#pragma once

#include <span>
#include <vector>

#include "models/similarity/column_block.hpp"

namespace pushcart::similarity {

/// In which order blocks come to a rank, and which of them it works on as one: it begins with its own, goes
/// on with its successor's and so on, in rounds of one block a rank. Neighbouring blocks that fit into one
/// are merged. Local.
class RingOrder {
 public:
  /// Steps of a round whose blocks are worked on as one.
  struct Span {
    Count begin = 0, end = 0;
  };

  /// @param shapes         num_rounds for each of num_ranks, one rank after another; those that a rank lacks
  /// are
  ///                       empty
  /// @param block_columns  of a merged block at most
  RingOrder(std::vector<BlockShape> shapes, Count num_ranks, Count rank, Count block_columns);

  Count num_rounds() const { return num_rounds_; }
  Count num_steps() const { return num_ranks_; }
  const BlockShape& shape(Count round, Count step) const;
  Span span_from(Count round, Count begin) const;
  /// Of the blocks that are worked on, in their order; empty ones too.
  std::vector<BlockShape> blocks() const;
  /// Bytes of the buffers, and of all that comes from other ranks.
  Count buffer_bytes() const;
  Count received_bytes() const;

 private:
  BlockShape merged(Count round, Span span) const;

  std::vector<BlockShape> shapes_;
  Count num_ranks_, rank_, block_columns_, num_rounds_;
};

/// The shapes of all ranks' blocks as RingOrder takes them. @param ends  of the rows of each rank
std::vector<BlockShape> padded_shapes(const std::vector<std::vector<BlockShape>>& by_rank,
                                      std::span<const Count> ends);

}  // namespace pushcart::similarity
