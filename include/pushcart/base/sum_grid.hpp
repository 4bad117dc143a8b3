#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace pushcart {

/// Rounds numbers to a common power-of-two grid, coarse enough that a sum of `num_terms` of them, each of
/// magnitude at most `max_magnitude`, is exact in double: such sums have the same bits in any order.
/// The grid is max_magnitude * num_terms * 2^-52 rounded up to a power of two (design, section 4).
class SumGrid {
 public:
  SumGrid(double max_magnitude, std::int64_t num_terms) {
    if (!(max_magnitude > 0)) return;
    const double reach = max_magnitude * static_cast<double>(num_terms < 1 ? 1 : num_terms);
    const int exponent = std::ilogb(reach) + 1 - 51;  // reach < 2^(exponent+51)
    shift_ = std::ldexp(1.5, exponent + 52);          // adding it rounds to multiples of 2^exponent
  }
  double round(double value) const {
    const volatile double lifted = value + shift_;
    return lifted - shift_;
  }
  /// Not volatile, for vector loops; needs strict IEEE arithmetic (no -ffast-math).
  double shift() const { return shift_; }

 private:
  double shift_ = 0;
};

}  // namespace pushcart
