#include "ids/numbered_subset.hpp"

#include <bit>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

std::uint64_t bit_of(Count number) {
  return std::uint64_t{1} << (number % 64);
}

}  // namespace

NumberedSubset::NumberedSubset(Count limit, std::span<const Count> members)
    : words_(static_cast<std::size_t>((limit + word_bits - 1) / word_bits), 0) {
  for (const Count member : members) {
    PUSHCART_CHECK(0 <= member && member < limit);
    words_[static_cast<std::size_t>(member / word_bits)] |= bit_of(member);
  }
  for (std::size_t word = 0; word < words_.size(); ++word) {
    if (word % words_a_block == 0) before_.push_back(size_);
    size_ += std::popcount(words_[word]);
  }
}

bool NumberedSubset::contains(Count number) const {
  const Count word = number / word_bits;
  return number >= 0 && word < static_cast<Count>(words_.size()) &&
         (words_[static_cast<std::size_t>(word)] & bit_of(number)) != 0;
}

Count NumberedSubset::position(Count number) const {
  PUSHCART_CHECK(contains(number));
  const auto word = static_cast<std::size_t>(number / word_bits);
  Count position = before_[word / words_a_block] + std::popcount(words_[word] & (bit_of(number) - 1));
  for (std::size_t n = word / words_a_block * words_a_block; n < word; ++n)
    position += std::popcount(words_[n]);
  return position;
}

std::vector<Count> NumberedSubset::members() const {
  std::vector<Count> result;
  result.reserve(static_cast<std::size_t>(size_));
  for (std::size_t word = 0; word < words_.size(); ++word) {
    for (std::uint64_t left = words_[word]; left != 0; left &= left - 1) {
      result.push_back(static_cast<Count>(word) * word_bits + std::countr_zero(left));
    }
  }
  return result;
}

}  // namespace pushcart
