#pragma once

#include <cstdint>
#include <vector>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/index.hpp"

namespace pushcart {

/// Distinct global columns in the order in which they first came, each with its number in that order. Memory
/// follows the number of distinct columns, never the size of the whole matrix.
class ColumnSet {
 public:
  /// @return the column's number: a new one if it was not in the set
  std::int32_t insert(Count column) {
    if (2 * (columns_.size() + 1) > slots_.size()) grow();
    const std::size_t slot = find(column);
    if (slots_[slot] < 0) {
      slots_[slot] = static_cast<std::int32_t>(columns_.size());
      columns_.push_back(column);
    }
    return slots_[slot];
  }
  bool contains(Count column) const { return !slots_.empty() && slots_[find(column)] >= 0; }
  Count column(Count number) const { return columns_[static_cast<std::size_t>(number)]; }
  Count size() const { return static_cast<Count>(columns_.size()); }
  void clear() {
    slots_.assign(slots_.size(), -1);
    columns_.clear();
  }

 private:
  std::size_t find(Count column) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = mix_bits(static_cast<std::uint64_t>(column)) & mask;
    while (slots_[slot] >= 0 && columns_[static_cast<std::size_t>(slots_[slot])] != column)
      slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    slots_.assign(slots_.empty() ? 1024 : 2 * slots_.size(), -1);
    for (std::size_t number = 0; number < columns_.size(); ++number) {
      slots_[find(columns_[number])] = static_cast<std::int32_t>(number);
    }
  }

  std::vector<Count> columns_;
  std::vector<std::int32_t> slots_;  // open addressing: number of the column, -1 = free
};

}  // namespace pushcart
