#pragma once

// Included by the files of one CPU path: declarations only.

namespace pushcart::detail {

/// x . y of `size` floats with the bits of factor_dot (models/score.hpp) on every path: products of floats
/// are exact in double, with or without fused multiply-add, and the order of summation is the same.
using ExactDot = double (*)(const float* x, const float* y, long size);

double exact_dot_avx512(const float* x, const float* y, long size);
double exact_dot_avx2(const float* x, const float* y, long size);

/// The fastest for the path that kernels take (base/cpu_path.hpp).
ExactDot choose_exact_dot();

}  // namespace pushcart::detail
