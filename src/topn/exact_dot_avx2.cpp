#include "topn/exact_dot.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pushcart::detail {

double exact_dot_avx2(const float* x, const float* y, long size) {
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();  // partial sums 0..3 and 4..7
  long i = 0;
  for (; i + 8 <= size; i += 8) {
    low = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + i)), _mm256_cvtps_pd(_mm_loadu_ps(y + i)), low);
    high = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + i + 4)), _mm256_cvtps_pd(_mm_loadu_ps(y + i + 4)),
                           high);
  }
  double sums[8];
  _mm256_storeu_pd(sums, low);
  _mm256_storeu_pd(sums + 4, high);
  for (long lane = 0; i < size; ++i, ++lane)
    sums[lane] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace pushcart::detail
#endif
