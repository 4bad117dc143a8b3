#include <immintrin.h>

#include "models/similarity/score_kernels.hpp"

namespace pushcart::similarity {
namespace {

#include "models/similarity/slice_body.hpp"

constexpr Count lanes = 16;

__mmask16 lanes_left(Count left) {
  return static_cast<__mmask16>(left >= lanes ? 0xffff : (1 << left) - 1);
}

__m512i gather(__mmask16 mask, __m512i columns, const unsigned char* counters) {
  return _mm512_and_si512(_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, columns, counters, 1),
                          _mm512_set1_epi32(0xff));
}
__m512i gather(__mmask16 mask, __m512i columns, const unsigned short* counters) {
  return _mm512_and_si512(_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, columns, counters, 2),
                          _mm512_set1_epi32(0xffff));
}
__m512i gather(__mmask16 mask, __m512i columns, const unsigned* counters) {
  return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, columns, counters, 4);
}
__m512 gather(__mmask16 mask, __m512i columns, const float* values) {
  return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, columns, values, 4);
}

__m512 score_of(__m512 sum, __m512 count, __m512 term, const ScoreRule& rule) {
  const __m512 row = _mm512_set1_ps(rule.row);
  const __m512 score = rule.is_overlap ? _mm512_div_ps(sum, _mm512_sub_ps(_mm512_add_ps(row, term), sum))
                                       : _mm512_mul_ps(sum, _mm512_mul_ps(row, term));
  if (!(rule.shrinkage > 0.0F)) return score;
  return _mm512_mul_ps(score, _mm512_div_ps(count, _mm512_add_ps(count, _mm512_set1_ps(rule.shrinkage))));
}

/// Puts the lanes that pass behind the `found` that do. @return how many they are then
Count keep(__mmask16 mask, __m512i columns, __m512 scores, __m512i counts, unsigned min_support,
           const ScoreRule& rule, const ScoredColumns& out, Count found) {
  mask = _mm512_mask_cmp_ps_mask(mask, scores, _mm512_setzero_ps(), _CMP_GT_OQ);
  mask = _mm512_mask_cmp_ps_mask(mask, scores, _mm512_set1_ps(rule.threshold), _CMP_GE_OQ);
  mask = _mm512_mask_cmpge_epu32_mask(mask, counts, _mm512_set1_epi32(static_cast<int>(min_support)));
  _mm512_storeu_si512(out.columns + found, _mm512_maskz_compress_epi32(mask, columns));
  _mm512_storeu_ps(out.scores + found, _mm512_maskz_compress_ps(mask, scores));
  _mm512_storeu_si512(out.counts + found, _mm512_maskz_compress_epi32(mask, counts));
  return found + __builtin_popcount(mask);
}

__m512i listed(__mmask16 mask, const unsigned short* list) {
  return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, list));
}

template <class T>
Count take_counters(const unsigned short* list, Count size, T* counters, const CountNeed& need,
                    const ScoredColumns& out) {
  const __m512i lowest = _mm512_set1_epi32(static_cast<int>(need.lowest));
  const __m512i one_more = _mm512_add_epi32(lowest, _mm512_set1_epi32(1));
  const __m512i first_column = _mm512_set1_epi32(static_cast<int>(need.first_column));
  Count found = 0;
  for (Count n = 0; n < size; n += lanes) {
    __mmask16 mask = lanes_left(size - n);
    const __m512i columns = listed(mask, list + n), counts = gather(mask, columns, counters);
    const __mmask16 before = _mm512_cmplt_epu32_mask(columns, first_column);
    mask = _mm512_mask_cmpge_epu32_mask(mask, counts, _mm512_mask_blend_epi32(before, lowest, one_more));
    _mm512_storeu_si512(out.columns + found, _mm512_maskz_compress_epi32(mask, columns));
    _mm512_storeu_si512(out.counts + found, _mm512_maskz_compress_epi32(mask, counts));
    found += __builtin_popcount(mask);
  }
  for (Count n = 0; n < size; ++n) counters[list[n]] = 0;
  return found;
}

Count score_sums(const unsigned short* list, Count size, float* sums, unsigned* counters, const float* terms,
                 const ScoreRule& rule, const ScoredColumns& out) {
  Count found = 0;
  for (Count n = 0; n < size; n += lanes) {
    const __mmask16 mask = lanes_left(size - n);
    const __m512i columns = listed(mask, list + n);
    const __m512i counts = counters ? gather(mask, columns, counters) : _mm512_setzero_si512();
    const __m512 scores =
        score_of(gather(mask, columns, sums), _mm512_cvtepu32_ps(counts), gather(mask, columns, terms), rule);
    found = keep(mask, columns, scores, counts, counters ? rule.min_support : 0, rule, out, found);
  }
  for (Count n = 0; n < size; ++n) sums[list[n]] = 0;
  if (counters) {
    for (Count n = 0; n < size; ++n) counters[list[n]] = 0;
  }
  return found;
}

Count score_counts(const ScoredColumns& out, Count size, const float* terms, const ScoreRule& rule) {
  Count found = 0;
  for (Count n = 0; n < size; n += lanes) {
    const __mmask16 mask = lanes_left(size - n);
    const __m512i columns = _mm512_maskz_loadu_epi32(mask, out.columns + n);
    const __m512i counts = _mm512_maskz_loadu_epi32(mask, out.counts + n);
    const __m512 sums = _mm512_cvtepu32_ps(counts);
    const __m512 scores = score_of(sums, sums, gather(mask, columns, terms), rule);
    found = keep(mask, columns, scores, counts, rule.min_support, rule, out, found);
  }
  return found;
}

void places_of(const std::uint64_t* keys, Count size, std::uint64_t* places) {
  constexpr Count keys_at_once = 8;
  const __m512i one = _mm512_set1_epi64(1);
  for (Count first = 0; first < size; first += keys_at_once) {
    const auto mask = static_cast<__mmask8>(size - first >= keys_at_once ? 0xff : (1 << (size - first)) - 1);
    const __m512i mine = _mm512_maskz_loadu_epi64(mask, keys + first);
    __m512i larger = _mm512_setzero_si512();
    for (Count other = 0; other < size; ++other) {
      const __m512i key = _mm512_set1_epi64(static_cast<long long>(keys[other]));
      larger = _mm512_mask_add_epi64(larger, _mm512_cmpgt_epu64_mask(key, mine), larger, one);
    }
    _mm512_storeu_si512(places + first, larger);
  }
}

}  // namespace

const ScoreKernels score_kernels_avx512{take_counters<unsigned char>,
                                        take_counters<unsigned short>,
                                        take_counters<unsigned>,
                                        score_sums,
                                        score_counts,
                                        sweep_slices,
                                        places_of};

}  // namespace pushcart::similarity
