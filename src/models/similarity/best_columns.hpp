#pragma once

#include <algorithm>
#include <cstdint>

#include "pushcart/base/index.hpp"

namespace pushcart::similarity {

/// A column as a neighbour of a row.
struct ScoredColumn {
  float score = 0;
  std::uint32_t column = 0;
  std::uint32_t support = 0;
};

/// The order of every list: score descending, column ascending.
inline bool ranks_before(const ScoredColumn& a, const ScoredColumn& b) {
  return a.score > b.score || (a.score == b.score && a.column < b.column);
}

/// The best `capacity` of the columns offered so far, in memory of the caller's; the worst of them is on top.
/// What is kept does not depend on the order of offers.
class BestColumns {
 public:
  BestColumns(ScoredColumn* entries, Count capacity, std::int32_t& size)
      : entries_(entries), capacity_(capacity), size_(size) {}

  /// No column with a lower score gets in; 0 while there is room.
  float threshold() const { return size_ < capacity_ ? 0.0F : entries_[0].score; }
  void offer(const ScoredColumn& candidate) {
    if (size_ < capacity_) {
      entries_[size_++] = candidate;
      std::push_heap(entries_, entries_ + size_, ranks_before);
    } else if (ranks_before(candidate, entries_[0])) {
      replace_worst(candidate);
    }
  }
  /// Best first; the heap is spent.
  void sort() { std::sort_heap(entries_, entries_ + size_, ranks_before); }

 private:
  void replace_worst(const ScoredColumn& candidate) {
    Count hole = 0;
    for (Count child = 1; child < size_; child = 2 * hole + 1) {  // one way down, where pop and push take two
      if (child + 1 < size_ && ranks_before(entries_[child], entries_[child + 1])) ++child;
      if (!ranks_before(candidate, entries_[child])) break;
      entries_[hole] = entries_[child];
      hole = child;
    }
    entries_[hole] = candidate;
  }

  ScoredColumn* entries_;
  Count capacity_;
  std::int32_t& size_;
};

}  // namespace pushcart::similarity
