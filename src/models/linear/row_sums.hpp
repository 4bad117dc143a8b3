#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart::linear {

/// sum[c] = sum over n < count of weights[n] * rows[n][c], for c < width: eight rows at a time, in order. The
/// hot loop of every sparse times dense product, compiled once for each CPU path.
using SumRows = void (*)(const float* const* rows, const float* weights, Count count, Count width,
                         float* sum);

/// That of cpu_path().
SumRows sum_rows();

void sum_rows_portable(const float* const* rows, const float* weights, Count count, Count width, float* sum);
void sum_rows_avx2(const float* const* rows, const float* weights, Count count, Count width, float* sum);
void sum_rows_avx512(const float* const* rows, const float* weights, Count count, Count width, float* sum);

}  // namespace pushcart::linear
