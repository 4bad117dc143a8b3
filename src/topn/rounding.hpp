#pragma once

#include <cmath>

namespace pushcart::detail {

/// The largest float that is not above `value`.
inline float round_down(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -HUGE_VALF) : rounded;
}

/// Exact scores below this are rounded to floats below `score`.
inline double below_half_step(float score) {
  const auto value = static_cast<double>(score);
  return value - (std::fabs(value) * (0x1p-24 * (1 + 1e-6)) + 0x1p-149);
}

}  // namespace pushcart::detail
