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

/// The best `capacity` of the items offered so far, kept in memory that belongs to the caller; the worst of
/// them is on top.
class TopHeap {
 public:
  TopHeap(ScoredItem* entries, Count capacity) : entries_(entries), capacity_(capacity) {}

  Count size() const { return size_; }
  /// What a later item of higher index must exceed to get in.
  float threshold() const {
    return size_ < capacity_ ? -std::numeric_limits<float>::infinity() : entries_[0].score;
  }
  void offer(const ScoredItem& candidate) {
    if (size_ < capacity_) {
      entries_[size_++] = candidate;
      std::push_heap(entries_, entries_ + size_, ranks_before);
    } else if (ranks_before(candidate, entries_[0])) {
      std::pop_heap(entries_, entries_ + size_, ranks_before);
      entries_[size_ - 1] = candidate;
      std::push_heap(entries_, entries_ + size_, ranks_before);
    }
  }
  /// Best first; the heap is spent.
  void sort() { std::sort_heap(entries_, entries_ + size_, ranks_before); }
  const ScoredItem& operator[](Count rank) const { return entries_[rank]; }

 private:
  ScoredItem* entries_;
  Count capacity_;
  Count size_ = 0;
};

}  // namespace pushcart::detail
