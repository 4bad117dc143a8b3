#pragma once

#include <cstdint>

namespace pushcart {

inline constexpr std::int64_t day_seconds = 86400;

/// The greatest whole number that is not above dividend / divisor; divisor > 0.
constexpr std::int64_t floor_of_quotient(std::int64_t dividend, std::int64_t divisor) {
  const std::int64_t quotient = dividend / divisor;
  return quotient - (dividend % divisor < 0);
}

/// The day of a time in unix seconds, UTC; day 0 is 1970-01-01.
constexpr std::int64_t day_of(std::int64_t time) { return floor_of_quotient(time, day_seconds); }

}  // namespace pushcart
