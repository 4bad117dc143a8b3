#pragma once

#include <algorithm>
#include <bit>
#include <boost/sort/pdqsort/pdqsort.hpp>
#include <cstdint>
#include <limits>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

struct ScoredItem {
  Count item = 0;
  float score = 0;
};

/// The order of every list: score descending, item index ascending.
inline bool ranks_before(const ScoredItem& a, const ScoredItem& b) {
  return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/// A scored item as one number, so that comparing is one instruction: smaller ranks before. The upper half
/// falls as the score rises, the lower half is the item.
class RankKey {
 public:
  /// Items are below this.
  static constexpr Count max_items = (Count{1} << 32) - 1;

  RankKey() = default;
  /// @param score  not NaN
  RankKey(Count item, float score)
      : bits_(static_cast<std::uint64_t>(~rising(score)) << 32 | static_cast<std::uint32_t>(item)) {}
  /// Ranks behind all.
  static RankKey last() {
    RankKey key;
    key.bits_ = std::numeric_limits<std::uint64_t>::max();
    return key;
  }
  /// Ranks behind all of this score and better, before all below.
  static RankKey last_of(float score) { return {max_items, score}; }

  Count item() const { return static_cast<std::uint32_t>(bits_); }
  float score() const {
    const auto rise = ~static_cast<std::uint32_t>(bits_ >> 32);
    return std::bit_cast<float>(rise & sign ? rise ^ sign : ~rise);
  }
  bool operator<(const RankKey& other) const { return bits_ < other.bits_; }

 private:
  static constexpr std::uint32_t sign = std::uint32_t{1} << 31;
  /// Rises with the score; -0 is 0.
  static std::uint32_t rising(float score) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
    return bits & sign ? ~bits : bits | sign;
  }

  std::uint64_t bits_;
};

/// The best `wanted` of the items offered so far, in memory that belongs to the caller. New ones are only
/// appended; when the room is full, the best are selected and the rest forgotten: constant work an item on
/// average, however long the list, where a heap's grows with its depth.
class TopBuffer {
 public:
  /// Entries needed for lists of `wanted`.
  static Count room(Count wanted) { return wanted + std::max<Count>(12, wanted / 2); }

  /// @param entries  room(wanted) of them
  TopBuffer(RankKey* entries, Count wanted) : entries_(entries), wanted_(wanted) {}

  Count wanted() const { return wanted_; }
  /// Scores below this one cannot be among the best; minus infinity as long as all can.
  float cutoff_score() const { return cutoff_score_; }
  bool accepts(const RankKey& candidate) const { return candidate < cutoff_; }
  /// Takes what it accepts.
  void offer(const RankKey& candidate) {
    if (!accepts(candidate)) return;
    entries_[size_++] = candidate;
    if (size_ == wanted_ && !is_full_) {
      is_full_ = true;
      set_cutoff(*std::max_element(entries_, entries_ + size_));
    } else if (size_ == room(wanted_)) {
      boost::sort::pdqsort_branchless(entries_, entries_ + size_);
      size_ = wanted_;
      set_cutoff(entries_[wanted_ - 1]);
    }
  }
  /// Says that at least `wanted` of the items to come have this score or a better one. Before the first
  /// offer.
  void expect_at_least(float score) { set_cutoff(RankKey::last_of(score)); }
  /// The best so far, best first. @return how many
  Count sort() {
    boost::sort::pdqsort_branchless(entries_, entries_ + size_);
    size_ = std::min(size_, wanted_);
    return size_;
  }
  const RankKey& operator[](Count rank) const { return entries_[rank]; }

 private:
  void set_cutoff(const RankKey& key) {
    cutoff_ = key;
    cutoff_score_ = key.score();
  }

  RankKey* entries_;
  Count wanted_;
  Count size_ = 0;
  bool is_full_ = false;
  float cutoff_score_ = -std::numeric_limits<float>::infinity();
  RankKey cutoff_ = RankKey::last();
};

}  // namespace pushcart::detail
