#include "topn/limit_masks.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pushcart::detail {

#if defined(__SSE2__)

namespace {

/// All ones in the lanes that are not below.
inline __m128 not_below(const float* products, const float* bias, int i, __m128 limits) {
  __m128 scores = _mm_loadu_ps(products + i);
  if (bias != nullptr) scores = _mm_add_ps(scores, _mm_loadu_ps(bias + i));
  return _mm_cmpnlt_ps(scores, limits);
}

}  // namespace

std::uint64_t mask_not_below(const float* products, const float* bias, float limit) {
  const __m128 limits = _mm_set1_ps(limit);
  __m128 any = _mm_setzero_ps();  // most often there is none
  for (int i = 0; i < 64; i += 4) any = _mm_or_ps(any, not_below(products, bias, i, limits));
  if (_mm_movemask_ps(any) == 0) return 0;
  std::uint64_t mask = 0;
  for (int i = 0; i < 64; i += 4) {
    mask |= static_cast<std::uint64_t>(_mm_movemask_ps(not_below(products, bias, i, limits))) << i;
  }
  return mask;
}

#else

std::uint64_t mask_not_below(const float* products, const float* bias, float limit) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 64; ++i) {
    const float score = bias == nullptr ? products[i] : products[i] + bias[i];
    mask |= static_cast<std::uint64_t>(score < limit ? 0 : 1) << i;
  }
  return mask;
}

#endif

}  // namespace pushcart::detail
