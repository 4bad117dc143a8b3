#pragma once

#include <algorithm>
#include <limits>

namespace pushcart {

/// The nearest finite float; NaN stays.
inline float nearest_float(double value) {
  constexpr auto largest = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(value, -largest, largest));
}

}  // namespace pushcart
