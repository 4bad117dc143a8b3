#include <immintrin.h>

#include "models/similarity/sweep_kernels.hpp"

namespace pushcart::similarity {

namespace {

using Mask = unsigned long long;

template <class T>
__m512i load(const T* chunk, int part) {
  return _mm512_load_si512(reinterpret_cast<const __m512i*>(chunk) + part);
}

Mask at_least(const unsigned char* chunk, unsigned char least) {
  return _mm512_cmpge_epu8_mask(load(chunk, 0), _mm512_set1_epi8(static_cast<char>(least)));
}

Mask at_least(const unsigned short* chunk, unsigned short least) {
  const __m512i bound = _mm512_set1_epi16(static_cast<short>(least));
  return static_cast<Mask>(_mm512_cmpge_epu16_mask(load(chunk, 0), bound)) |
         static_cast<Mask>(_mm512_cmpge_epu16_mask(load(chunk, 1), bound)) << 32;
}

Mask at_least(const unsigned* chunk, unsigned least) {
  const __m512i bound = _mm512_set1_epi32(static_cast<int>(least));
  Mask mask = 0;
  for (int part = 0; part < 4; ++part) {
    mask |= static_cast<Mask>(_mm512_cmpge_epu32_mask(load(chunk, part), bound)) << (16 * part);
  }
  return mask;
}

Mask at_least(const float* chunk, const float* z, float p, float q) {
  const __m512 ps = _mm512_set1_ps(p), qs = _mm512_set1_ps(q);
  Mask mask = 0;
  for (int part = 0; part < 4; ++part) {
    const __m512 values = _mm512_load_ps(chunk + 16 * part);
    const __m512 bound = _mm512_fmadd_ps(qs, _mm512_loadu_ps(z + 16 * part), ps);
    const __mmask16 above = _mm512_cmp_ps_mask(values, _mm512_setzero_ps(), _CMP_GT_OQ);
    mask |= static_cast<Mask>(_mm512_mask_cmp_ps_mask(above, values, bound, _CMP_GE_OQ)) << (16 * part);
  }
  return mask;
}

template <class T>
void clear(T* chunk) {
  for (int part = 0; part < static_cast<int>(sizeof(T)); ++part) {
    _mm512_store_si512(reinterpret_cast<__m512i*>(chunk) + part, _mm512_setzero_si512());
  }
}

#include "models/similarity/sweep_body.hpp"

#include "models/similarity/slice_body.hpp"

}  // namespace

const SweepKernels sweep_kernels_avx512{sweep_counters<unsigned char>, sweep_counters<unsigned short>,
                                        sweep_counters<unsigned>, sweep_sums, sweep_slices};

}  // namespace pushcart::similarity
