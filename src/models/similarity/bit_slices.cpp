#include "models/similarity/bit_slices.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/base/parallel.hpp"

namespace pushcart::similarity {

namespace {

constexpr Count most_bytes = Count{1} << 26;
/// Counters that a visit must add to on average for bits to be quicker than a list of columns.
double least_hits(const BlockShape& shape) {
  const double row_length =
      static_cast<double>(shape.num_entries) / static_cast<double>(std::max<Count>(1, shape.columns.size()));
  return static_cast<double>(visits_a_bitmap) +
         static_cast<double>(visits_a_sliced_row) / std::max(1.0, row_length);
}

Count groups_of(Count columns) {
  return (columns + slice_columns - 1) / slice_columns;
}
Count most_groups(Count num_inner, Count columns) {
  return std::min(groups_of(columns), most_bytes / (slice_columns / 8) / std::max<Count>(num_inner, 1));
}

}  // namespace

Count BitSlices::planned_bytes(Count num_inner, Count block_columns) {
  const Count groups = most_groups(num_inner, block_columns);
  return groups == 0 ? 0 : num_inner * (groups * slice_columns / 8 + 4);
}

Count BitSlices::needed_bytes(const ColumnBlock& block) {
  const Count groups = choose_groups(block);
  return groups == 0 ? 0 : block.shape().num_inner * (groups * slice_columns / 8 + 4);
}

Count BitSlices::choose_groups(const ColumnBlock& block) {
  const BlockShape& shape = block.shape();
  const Count candidates = most_groups(shape.num_inner, shape.columns.size());
  // Long u are visited by many rows: as many, about, as they have columns. Neighbours go to sums of their
  // own, since they often are of one group, and each would wait for the one before.
  constexpr std::size_t ways = 4;
  std::vector<double> hits(static_cast<std::size_t>(candidates) * ways, 0);
  double visits = 0;
  for (Count u = 0; u < shape.num_inner; ++u) {
    const double weight = block.offsets()[u + 1] - block.offsets()[u];
    visits += weight;
    for (std::uint32_t at = block.offsets()[u]; at < block.offsets()[u + 1]; ++at) {
      const Count group = block.columns()[at] / slice_columns;
      if (group >= candidates) break;
      hits[static_cast<std::size_t>(group) * ways + at % ways] += weight;
    }
  }
  const double least = least_hits(shape);
  Count groups = 0;
  const auto of_group = [&](Count group) {
    const auto first = hits.begin() + group * static_cast<Count>(ways);
    return std::accumulate(first, first + ways, 0.0);
  };
  while (groups < candidates && of_group(groups) > least * visits) ++groups;
  return groups;
}

void BitSlices::fill(const ColumnBlock& block) {
  num_groups_ = choose_groups(block);
  if (num_groups_ == 0) return;
  const Count num_inner = block.shape().num_inner;
  bits_.resize(static_cast<std::size_t>(num_inner * words_a_row()));
  tails_.resize(static_cast<std::size_t>(num_inner));
  constexpr Count inner_at_once = 1024;
  parallel_for((num_inner + inner_at_once - 1) / inner_at_once, [&](Count task) {
    for (Count u = task * inner_at_once; u < std::min(num_inner, (task + 1) * inner_at_once); ++u) {
      std::uint64_t* const row = bits_.data() + u * words_a_row();
      std::fill_n(row, words_a_row(), std::uint64_t{0});
      std::uint32_t at = block.offsets()[u];
      for (; at < block.offsets()[u + 1] && block.columns()[at] < num_columns(); ++at) {
        row[block.columns()[at] / 64] |= std::uint64_t{1} << (block.columns()[at] % 64);
      }
      tails_[static_cast<std::size_t>(u)] = at;
    }
  });
}

}  // namespace pushcart::similarity
