#pragma once

#include <cstdint>

namespace pushcart::detail {

/// Bit i of 64 is set unless products[i] (+ bias[i] if given) is below the limit; not comparable counts as
/// not below.
std::uint64_t mask_not_below(const float* products, const float* bias, float limit);

}  // namespace pushcart::detail
