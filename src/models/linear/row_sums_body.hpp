#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart::linear {
namespace {

inline void sum_rows_here(const float* const* rows, const float* weights, Count count, Count width,
                          float* __restrict sum) {
  for (Count c = 0; c < width; ++c) sum[c] = 0;
  Count n = 0;
  for (; n + 8 <= count; n += 8) {
    const float* const* const r = rows + n;
    const float* const w = weights + n;
    const float *const r0 = r[0], *const r1 = r[1], *const r2 = r[2], *const r3 = r[3];
    const float *const r4 = r[4], *const r5 = r[5], *const r6 = r[6], *const r7 = r[7];
    for (Count c = 0; c < width; ++c) {
      float s = sum[c];
      s += w[0] * r0[c];
      s += w[1] * r1[c];
      s += w[2] * r2[c];
      s += w[3] * r3[c];
      s += w[4] * r4[c];
      s += w[5] * r5[c];
      s += w[6] * r6[c];
      s += w[7] * r7[c];
      sum[c] = s;
    }
  }
  for (; n < count; ++n) {
    const float* const row = rows[n];
    const float weight = weights[n];
    for (Count c = 0; c < width; ++c) sum[c] += weight * row[c];
  }
}

}  // namespace
}  // namespace pushcart::linear
