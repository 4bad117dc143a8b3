#include "topn/limit_masks.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace pushcart::detail {

#if defined(__SSE2__)

std::uint64_t mask_not_below(const float* products, const float* bias, float limit) {
  const __m128 limits = _mm_set1_ps(limit);
  std::uint64_t mask = 0;
  for (int i = 0; i < 64; i += 4) {
    __m128 scores = _mm_loadu_ps(products + i);
    if (bias != nullptr) scores = _mm_add_ps(scores, _mm_loadu_ps(bias + i));
    mask |= static_cast<std::uint64_t>(_mm_movemask_ps(_mm_cmpnlt_ps(scores, limits))) << i;
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
