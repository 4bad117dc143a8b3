#include "topn/exact_dot.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pushcart::detail {

double exact_dot_avx512(const float* x, const float* y, long size) {
  __m512d sums = _mm512_setzero_pd();  // the 8 interleaved partial sums
  long i = 0;
  for (; i + 8 <= size; i += 8) {
    sums = _mm512_fmadd_pd(_mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(x + i)),
                           _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(y + i)), sums);
  }
  if (i < size) {
    const auto rest = static_cast<__mmask8>((1u << (size - i)) - 1);
    sums = _mm512_mask3_fmadd_pd(_mm512_maskz_cvtps_pd(0xFF, _mm256_maskz_loadu_ps(rest, x + i)),
                                 _mm512_maskz_cvtps_pd(0xFF, _mm256_maskz_loadu_ps(rest, y + i)), sums, rest);
  }
  const __m256d four =
      _mm256_add_pd(_mm512_castpd512_pd256(sums), _mm512_maskz_extractf64x4_pd(0xFF, sums, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace pushcart::detail
#endif
