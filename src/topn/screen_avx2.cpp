#include "topn/screen_kernel.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pushcart::detail {

namespace {

constexpr long rows_at_once = 4;  // 8 sums, 2 vectors of items, 1 of a row, ones: 12 of 16 registers
constexpr long vectors = 2;       // 8 items each
constexpr long items_at_once = 8 * vectors;

/// Numbers of registers, known while compiling: arrays indexed by loops would be kept in memory.
template <int... I>
struct Numbers {};
using AllRows = Numbers<0, 1, 2, 3>;
using AllVectors = Numbers<0, 1>;

template <int... V>
[[gnu::always_inline]] inline void load(__m256i (&to)[vectors], const void* from, Numbers<V...>) {
  ((to[V] = _mm256_loadu_si256(static_cast<const __m256i*>(from) + V)), ...);
}

/// Sums of two products fit 16 bits: 2 * 127 * 127 < 2^15.
template <int... V>
[[gnu::always_inline]] inline void add_row(__m256i (&sums)[vectors], const std::uint8_t* row,
                                           const __m256i (&items)[vectors], Numbers<V...>) {
  const __m256i columns = _mm256_set1_epi32(*reinterpret_cast<const int*>(row));
  const __m256i ones = _mm256_set1_epi16(1);
  ((sums[V] = _mm256_add_epi32(sums[V], _mm256_madd_epi16(_mm256_maddubs_epi16(columns, items[V]), ones))),
   ...);
}

template <bool biased>
[[gnu::always_inline]] inline std::uint64_t compare(const ScreenTask& task, long row, long first_item,
                                                    __m256i sums) {
  unsigned hits;
  if constexpr (biased) {
    const __m256 score = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(task.scales[row]),
                                         _mm256_loadu_ps(task.bias[row] + first_item));
    const __m256 hit = _mm256_cmp_ps(score, _mm256_set1_ps(task.float_limits[row]), _CMP_NLT_UQ);
    hits = static_cast<unsigned>(_mm256_movemask_ps(hit));
  } else {
    const __m256i miss = _mm256_cmpgt_epi32(_mm256_set1_epi32(task.limits[row]), sums);
    hits = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(miss))) ^ 0xFFu;
  }
  return static_cast<std::uint64_t>(hits) << first_item;
}

template <bool biased, int... V>
[[gnu::always_inline]] inline std::uint64_t compare_row(const ScreenTask& task, long row, long first_item,
                                                        const __m256i (&sums)[vectors], Numbers<V...>) {
  return (compare<biased>(task, row, first_item + V * 8, sums[V]) | ...);
}

template <int... V>
[[gnu::always_inline]] inline void store(void* to, const __m256i (&sums)[vectors], Numbers<V...>) {
  (_mm256_storeu_si256(static_cast<__m256i*>(to) + V, sums[V]), ...);
}

enum class Output { hits, biased_hits, sums };

template <Output output>
[[gnu::always_inline]] inline void put_out(const ScreenTask& task, long row, long first_item,
                                           const __m256i (&sums)[vectors]) {
  if constexpr (output == Output::sums) {
    store(task.sums + row * panel_items + first_item, sums, AllVectors());
  } else {
    task.hits[row] |= compare_row<output == Output::biased_hits>(task, row, first_item, sums, AllVectors());
  }
}

template <Output output, int... R>
[[gnu::always_inline]] inline void multiply_rows(const ScreenTask& task, long first, long first_item,
                                                 Numbers<R...>) {
  __m256i sums[rows_at_once][vectors];
  (load(sums[R], task.starts + first_item, AllVectors()), ...);
  const std::uint8_t* rows = task.rows + first * task.num_columns;
  const std::int8_t* codes = task.codes + first_item * 4;
  for (long column = 0; column < task.num_columns; column += 4, codes += panel_items * 4) {
    __m256i items[vectors];
    load(items, codes, AllVectors());
    (add_row(sums[R], rows + R * task.num_columns + column, items, AllVectors()), ...);
  }
  (put_out<output>(task, first + R, first_item, sums[R]), ...);
}

template <Output output>
void multiply(const ScreenTask& task) {
  for (long first = 0; first < task.num_rows; first += rows_at_once) {
    if constexpr (output != Output::sums) {
      for (long r = 0; r < rows_at_once; ++r) task.hits[first + r] = 0;
    }
    for (long item = 0; item < panel_items; item += items_at_once) {
      multiply_rows<output>(task, first, item, AllRows());
    }
  }
}

void find_hits(const ScreenTask& task) {
  if (task.bias != nullptr) return multiply<Output::biased_hits>(task);
  multiply<Output::hits>(task);
}

template <Output output>
void compare_all(const ScreenTask& task) {
  for (long row = 0; row < task.num_rows; ++row) {
    task.hits[row] = 0;
    for (long item = 0; item < panel_items; item += items_at_once) {
      __m256i sums[vectors];
      load(sums, task.sums + row * panel_items + item, AllVectors());
      put_out<output>(task, row, item, sums);
    }
  }
}

void compare_sums(const ScreenTask& task) {
  if (task.bias != nullptr) return compare_all<Output::biased_hits>(task);
  compare_all<Output::hits>(task);
}

}  // namespace

const ScreenKernel avx2_kernel{"avx2",      63, 64, rows_at_once, 4, find_hits, multiply<Output::sums>,
                               compare_sums};

}  // namespace pushcart::detail
#endif
