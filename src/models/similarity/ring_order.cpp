#include "models/similarity/ring_order.hpp"

#include <algorithm>
#include <utility>

namespace pushcart::similarity {

RingOrder::RingOrder(std::vector<BlockShape> shapes, Count num_ranks, Count rank, Count block_columns)
    : shapes_(std::move(shapes)),
      num_ranks_(num_ranks),
      rank_(rank),
      block_columns_(block_columns),
      num_rounds_(static_cast<Count>(shapes_.size()) / num_ranks) {}

const BlockShape& RingOrder::shape(Count round, Count step) const {
  const Count origin = (rank_ + step) % num_ranks_;
  return shapes_[static_cast<std::size_t>(origin * num_rounds_ + round)];
}

RingOrder::Span RingOrder::span_from(Count round, Count begin) const {
  const Count first_rank = num_ranks_ - rank_;  // the step of its blocks, after the last rank's
  // Each part has an offset for every u: many narrow ones would take many times what they are merged into.
  constexpr Count small_bytes = Count{64} << 20;
  Count num_columns = 0, num_entries = 0, part_bytes = 0;
  const auto joins = [&](Count step) {
    const BlockShape& more = shape(round, step);
    num_columns += more.columns.size();
    num_entries += more.num_entries;
    part_bytes += ColumnBlock::num_bytes(more);
    BlockShape all = shape(round, begin);
    all.num_entries = num_entries;
    if (part_bytes > std::max(small_bytes, 2 * ColumnBlock::num_bytes(all))) return false;
    const bool is_next =
        step == begin || step == first_rank || shape(round, step - 1).columns.end == more.columns.begin;
    return is_next && num_columns <= block_columns_ && num_entries < BlockShape::most_entries;
  };
  Count end = begin;
  while (end < num_ranks_ && joins(end)) ++end;
  end = std::max(end, begin + 1);
  // From the last rank's to the first one's, columns go on only if all of them are here.
  const bool has_all = begin == 0 && end == num_ranks_ && num_rounds_ == 1;
  if (begin < first_rank && first_rank < end && !has_all) end = first_rank;
  return {begin, end};
}

BlockShape RingOrder::merged(Count round, Span span) const {
  std::vector<BlockShape> shapes;
  for (Count step = span.begin; step < span.end; ++step) shapes.push_back(shape(round, step));
  return ColumnBlock::merged(shapes);
}

std::vector<BlockShape> RingOrder::blocks() const {
  std::vector<BlockShape> blocks;
  for (Count round = 0; round < num_rounds_; ++round) {
    for (Span span; span.end < num_ranks_;) {
      span = span_from(round, span.end);
      blocks.push_back(merged(round, span));
    }
  }
  return blocks;
}

Count RingOrder::buffer_bytes() const {
  Count largest_merged = 0, largest_held = 0;
  for (Count round = 0; round < num_rounds_; ++round) {
    Count last_bytes = 0;  // of the last block before, which is still on its way
    for (Span span; span.end < num_ranks_;) {
      span = span_from(round, span.end);
      Count held_bytes = last_bytes;
      for (Count step = span.begin; step < span.end; ++step) {
        last_bytes = ColumnBlock::num_bytes(shape(round, step));
        held_bytes += last_bytes;
      }
      largest_held = std::max(largest_held, held_bytes);
      if (span.end > span.begin + 1) {
        largest_merged = std::max(largest_merged, ColumnBlock::num_bytes(merged(round, span)));
      }
    }
  }
  return largest_held + largest_merged;
}

Count RingOrder::received_bytes() const {
  Count bytes = 0;
  for (Count round = 0; round < num_rounds_; ++round) {
    for (Count step = 1; step < num_ranks_; ++step) bytes += ColumnBlock::num_bytes(shape(round, step));
  }
  return bytes;
}

std::vector<BlockShape> padded_shapes(const std::vector<std::vector<BlockShape>>& by_rank,
                                      std::span<const Count> ends) {
  std::size_t num_rounds = 0;
  for (const auto& blocks : by_rank) num_rounds = std::max(num_rounds, blocks.size());
  std::vector<BlockShape> shapes;
  for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
    BlockShape none;
    none.columns = {ends[rank], ends[rank]};
    shapes.insert(shapes.end(), by_rank[rank].begin(), by_rank[rank].end());
    shapes.resize((rank + 1) * num_rounds, none);
  }
  return shapes;
}

}  // namespace pushcart::similarity
