#pragma once

#include <cstdint>
#include <vector>

#include "models/similarity/column_block.hpp"

namespace pushcart::similarity {

/// Columns whose bits are added at once.
inline constexpr Count slice_columns = 512;
/// What slice_columns counters of a row cost, as measured, in columns of a list: each bitmap that is added,
/// and comparing and the first planes.
inline constexpr Count visits_a_bitmap = 3, visits_a_sliced_row = 350;

/// The dense head of a block as a bitmap for each u, so that a visit to u adds slice_columns counters at
/// once, bit by bit. Columns are numbered by popularity, so the dense ones come first.
class BitSlices {
 public:
  /// Chooses how many columns are worth it and fills them. Local, by all threads; memory is reused.
  void fill(const ColumnBlock& block);

  Count num_groups() const { return num_groups_; }
  Count num_columns() const { return num_groups_ * slice_columns; }  ///< may go beyond the block's end
  /// Of group g for u: words_a_row() words further for each u.
  const std::uint64_t* group(Count g) const { return bits_.data() + g * words_a_group; }
  Count words_a_row() const { return num_groups_ * words_a_group; }
  /// Where the columns of u behind num_columns() begin in the block's list.
  const std::uint32_t* tails() const { return tails_.data(); }

  /// Bytes at most for a block of these numbers.
  static Count planned_bytes(Count num_inner, Count block_columns);
  /// Bytes for this very block. Local.
  static Count needed_bytes(const ColumnBlock& block);

 private:
  static constexpr Count words_a_group = slice_columns / 64;
  static Count choose_groups(const ColumnBlock& block);

  Count num_groups_ = 0;
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> tails_;
};

}  // namespace pushcart::similarity
