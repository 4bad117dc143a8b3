#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/similarity/score_kernels.hpp"

namespace pushcart::similarity {

/// A neighbour as a number: the larger, the better. Score descending, then column ascending. Scores are above
/// 0.
inline std::uint64_t key_of(float score, std::uint32_t column) {
  return std::uint64_t{std::bit_cast<std::uint32_t>(score)} << 32 | std::uint32_t{~column};
}
inline float score_of_key(std::uint64_t key) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(key >> 32));
}
inline std::uint32_t column_of_key(std::uint64_t key) {
  return ~static_cast<std::uint32_t>(key);
}

/// The k best of each row so far: all that stays of a row between blocks.
class BestOfRows {
 public:
  BestOfRows(Count num_rows, Count num_kept, bool keeps_support)
      : k(num_kept),
        has_support(keeps_support),
        sizes(static_cast<std::size_t>(num_rows), 0),
        keys_(
            std::make_unique_for_overwrite<std::uint64_t[]>(static_cast<std::size_t>(num_rows * num_kept))) {
    if (!keeps_support) return;
    support_ = std::make_unique_for_overwrite<std::uint32_t[]>(static_cast<std::size_t>(num_rows * num_kept));
  }
  static Count bytes_a_row(Count k, bool keeps_support) { return k * (keeps_support ? 12 : 8) + 4; }

  Count num_rows() const { return static_cast<Count>(sizes.size()); }
  /// Of a row: k, of which the first sizes[row] are set.
  std::uint64_t* keys_of(Count row) { return keys_.get() + row * k; }
  const std::uint64_t* keys_of(Count row) const { return keys_.get() + row * k; }
  /// Null if it is not wanted.
  std::uint32_t* support_of(Count row) { return has_support ? support_.get() + row * k : nullptr; }
  const std::uint32_t* support_of(Count row) const {
    return has_support ? support_.get() + row * k : nullptr;
  }

  const Count k;
  const bool has_support;  ///< alike on all ranks, whether they have rows or not
  std::vector<std::int32_t> sizes;

 private:
  std::unique_ptr<std::uint64_t[]> keys_;
  std::unique_ptr<std::uint32_t[]> support_;
};

/// Finds the k best of many columns offered for one row: they pile up, and when there is no more room all but
/// the k best go. What is kept does not depend on the order of offers.
class BestColumns {
 public:
  explicit BestColumns(Count k, bool keeps_support);

  /// Goes on with what is kept of a row.
  void start(const BestOfRows& rows, Count row);
  /// No column with a lower score gets in.
  float threshold() const { return threshold_; }
  /// At most `room()` columns at once, or 512.
  void offer(const ScoredColumns& found, Count num_found, Count first_column);
  /// Keeps the k best for the row.
  void finish(BestOfRows& rows, Count row);

  /// How many pile up behind the k best.
  Count room() const { return room_; }
  static Count planned_bytes(Count k) { return capacity_of(k) * 32; }

 private:
  static Count room_of(Count k) { return std::max<Count>(128, 2 * k); }
  static Count capacity_of(Count k) { return k + room_of(k) + std::max<Count>(512, room_of(k)); }
  /// Drops what cannot be among the k best; the least that stays is the new threshold.
  void keep_from(std::uint64_t least);
  std::uint64_t kth_key();
  /// Counts keys by bins of like scores. @return the bin of the k-th best
  std::uint32_t fill_bins();
  std::uint32_t bin_of(std::uint64_t key) const {
    return std::min<std::uint32_t>(first_bin_ - static_cast<std::uint32_t>(key >> bin_shift), num_bins - 1);
  }

  Count k_, room_;
  bool keeps_support_;
  float threshold_ = 0;
  Count size_ = 0;
  std::vector<std::uint64_t> keys_, tied_;
  std::vector<std::uint32_t> support_;
  static constexpr int bin_shift = 32 + 18;  // 32 bins for each power of 2
  static constexpr std::uint32_t num_bins = 512;
  std::uint32_t first_bin_ = 0;  ///< of the best key
  Count num_before_ = 0;         ///< keys in better bins than the k-th
  std::array<std::uint32_t, num_bins> bins_{};
};

}  // namespace pushcart::similarity
