#pragma once

#include <initializer_list>
#include <string>

#include "pushcart/base/random.hpp"

namespace pushcart::test {

/// Choices by chance, the same for the same seed and number of a case.
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t number) : stream_(seed, number) {}

  /// Uniform in [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(stream_.next_below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  std::string one_of(std::initializer_list<const char*> texts) {
    return *(texts.begin() + between(0, static_cast<int>(texts.size()) - 1));
  }
  std::string number_between(int low, int high) { return std::to_string(between(low, high)); }

 private:
  RandomStream stream_;
};

}  // namespace pushcart::test
