#pragma once

#include <span>

namespace pushcart {

/// x . y as every list and metric means it: float products summed in double in one fixed order (8 interleaved
/// partial sums, then pairwise), so that a pair's score has the same bits wherever it is computed.
/// Compiled once, out of line.
double factor_dot(std::span<const float> x, std::span<const float> y);

/// The score of design section 3 without item weights: bias + x . y, rounded to float at the end.
float factor_score(float item_bias, std::span<const float> x, std::span<const float> y);

}  // namespace pushcart
