#pragma once

#include <algorithm>
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

/// The best `wanted` of the items offered so far, in memory that belongs to the caller. New ones are only
/// appended; when the room is full, the best are selected and the rest forgotten: constant work an item on
/// average, however long the list, where a heap's grows with its depth.
class TopBuffer {
 public:
  /// Entries needed for lists of `wanted`.
  static Count room(Count wanted) { return wanted + std::max<Count>(12, wanted / 2); }

  /// @param entries  room(wanted) of them
  TopBuffer(ScoredItem* entries, Count wanted) : entries_(entries), wanted_(wanted) {}

  Count wanted() const { return wanted_; }
  /// Items that rank after this one cannot be among the best.
  const ScoredItem& cutoff() const { return cutoff_; }
  void offer(const ScoredItem& candidate) {
    if (!ranks_before(candidate, cutoff_)) return;
    entries_[size_++] = candidate;
    if (size_ == wanted_ && !is_full_) {
      is_full_ = true;
      cutoff_ = *std::max_element(entries_, entries_ + size_, ranks_before);
    } else if (size_ == room(wanted_)) {
      std::nth_element(entries_, entries_ + wanted_ - 1, entries_ + size_, ranks_before);
      size_ = wanted_;
      cutoff_ = entries_[wanted_ - 1];
    }
  }
  /// Says that at least `wanted` of the items to come have this score or a better one. Before the first
  /// offer.
  void expect_at_least(float score) { cutoff_.score = score; }
  /// The best so far, best first. @return how many
  Count sort() {
    std::sort(entries_, entries_ + size_, ranks_before);
    size_ = std::min(size_, wanted_);
    return size_;
  }
  const ScoredItem& operator[](Count rank) const { return entries_[rank]; }

 private:
  static constexpr float lowest = -std::numeric_limits<float>::infinity();

  ScoredItem* entries_;
  Count wanted_;
  Count size_ = 0;
  bool is_full_ = false;
  ScoredItem cutoff_{std::numeric_limits<Count>::max(), lowest};
};

}  // namespace pushcart::detail
