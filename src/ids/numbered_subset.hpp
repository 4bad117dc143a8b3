#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Some of the numbers 0 ... limit - 1, themselves numbered in ascending order: a bit for each number below
/// the limit, and how many come before each word of them. Where a number stands is found without a search.
class NumberedSubset {
 public:
  /// @param members  in any order, may repeat; each in [0, limit)
  NumberedSubset(Count limit, std::span<const Count> members);

  Count size() const { return size_; }
  bool contains(Count number) const;
  /// How many members are below `number`, which must be a member.
  Count position(Count number) const;
  /// Ascending.
  std::vector<Count> members() const;

 private:
  static constexpr Count word_bits = 64;
  static constexpr std::size_t words_a_block = 8;

  Count size_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<Count> before_;  // members in the blocks of words before each
};

}  // namespace pushcart
