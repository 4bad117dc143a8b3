#include <immintrin.h>

#include "models/similarity/sweep_kernels.hpp"

namespace pushcart::similarity {

namespace {

using Mask = unsigned long long;

template <class T>
__m256i load(const T* chunk, int part) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(chunk) + part);
}

Mask at_least(const unsigned char* chunk, unsigned char least) {
  const __m256i bound = _mm256_set1_epi8(static_cast<char>(least));
  Mask mask = 0;
  for (int part = 0; part < 2; ++part) {
    const __m256i values = load(chunk, part);
    const __m256i passes = _mm256_cmpeq_epi8(_mm256_max_epu8(values, bound), values);
    mask |= static_cast<Mask>(static_cast<unsigned>(_mm256_movemask_epi8(passes))) << (32 * part);
  }
  return mask;
}

Mask at_least(const unsigned short* chunk, unsigned short least) {
  const __m256i bound = _mm256_set1_epi16(static_cast<short>(least));
  Mask mask = 0;
  for (int part = 0; part < 4; part += 2) {
    const __m256i low = load(chunk, part), high = load(chunk, part + 1);
    const __m256i both = _mm256_packs_epi16(_mm256_cmpeq_epi16(_mm256_max_epu16(low, bound), low),
                                            _mm256_cmpeq_epi16(_mm256_max_epu16(high, bound), high));
    const __m256i passes = _mm256_permute4x64_epi64(both, 0xd8);
    mask |= static_cast<Mask>(static_cast<unsigned>(_mm256_movemask_epi8(passes))) << (16 * part);
  }
  return mask;
}

Mask at_least(const unsigned* chunk, unsigned least) {
  const __m256i bound = _mm256_set1_epi32(static_cast<int>(least));
  Mask mask = 0;
  for (int part = 0; part < 8; ++part) {
    const __m256i values = load(chunk, part);
    const __m256i passes = _mm256_cmpeq_epi32(_mm256_max_epu32(values, bound), values);
    mask |= static_cast<Mask>(static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(passes))))
            << (8 * part);
  }
  return mask;
}

Mask at_least(const float* chunk, const float* z, float p, float q) {
  const __m256 ps = _mm256_set1_ps(p), qs = _mm256_set1_ps(q);
  Mask mask = 0;
  for (int part = 0; part < 8; ++part) {
    const __m256 values = _mm256_load_ps(chunk + 8 * part);
    const __m256 bound = _mm256_fmadd_ps(qs, _mm256_loadu_ps(z + 8 * part), ps);
    const __m256 passes = _mm256_and_ps(_mm256_cmp_ps(values, _mm256_setzero_ps(), _CMP_GT_OQ),
                                        _mm256_cmp_ps(values, bound, _CMP_GE_OQ));
    mask |= static_cast<Mask>(static_cast<unsigned>(_mm256_movemask_ps(passes))) << (8 * part);
  }
  return mask;
}

template <class T>
void clear(T* chunk) {
  for (int part = 0; part < static_cast<int>(2 * sizeof(T)); ++part) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(chunk) + part, _mm256_setzero_si256());
  }
}

#include "models/similarity/sweep_body.hpp"

#include "models/similarity/slice_body.hpp"

}  // namespace

const SweepKernels sweep_kernels_avx2{sweep_counters<unsigned char>, sweep_counters<unsigned short>,
                                      sweep_counters<unsigned>, sweep_sums, sweep_slices};

}  // namespace pushcart::similarity
