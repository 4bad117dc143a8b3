#include "topn/screen_kernel.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pushcart::detail {

namespace {

constexpr long rows_at_once = 6;  // 24 sums, 4 vectors of items, 1 of a row: 29 of 32 registers
constexpr long vectors = 4;       // 16 items each

/// Numbers of registers, known while compiling: arrays indexed by loops would be kept in memory.
template <int... I>
struct Numbers {};
using AllRows = Numbers<0, 1, 2, 3, 4, 5>;
using AllVectors = Numbers<0, 1, 2, 3>;

template <int... V>
[[gnu::always_inline]] inline void load(__m512i (&to)[vectors], const void* from, Numbers<V...>) {
  ((to[V] = _mm512_loadu_si512(static_cast<const __m512i*>(from) + V)), ...);
}

/// sums += products of four columns. Not by its intrinsic: g++ 12 then copies and spills the sums.
[[gnu::always_inline]] inline void add_products(__m512i& sums, __m512i row, __m512i items) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(row), "v"(items));
}

template <int... V>
[[gnu::always_inline]] inline void add_row(__m512i (&sums)[vectors], const std::uint8_t* row,
                                           const __m512i (&items)[vectors], Numbers<V...>) {
  const __m512i columns = _mm512_set1_epi32(*reinterpret_cast<const int*>(row));
  (add_products(sums[V], columns, items[V]), ...);
}

template <bool biased>
[[gnu::always_inline]] inline std::uint64_t compare(const ScreenTask& task, long row, int vector,
                                                    __m512i sum) {
  std::uint64_t mask;
  if constexpr (biased) {
    const __m512 dot = _mm512_maskz_cvtepi32_ps(static_cast<__mmask16>(-1), sum);
    const __m512 score =
        _mm512_fmadd_ps(dot, _mm512_set1_ps(task.scales[row]), _mm512_loadu_ps(task.bias[row] + vector * 16));
    mask = _mm512_cmp_ps_mask(score, _mm512_set1_ps(task.float_limits[row]), _CMP_NLT_UQ);
  } else {
    mask = _mm512_cmpge_epi32_mask(sum, _mm512_set1_epi32(task.limits[row]));
  }
  return mask << (16 * vector);
}

template <bool biased, int... V>
[[gnu::always_inline]] inline std::uint64_t compare_row(const ScreenTask& task, long row,
                                                        const __m512i (&sums)[vectors], Numbers<V...>) {
  return (compare<biased>(task, row, V, sums[V]) | ...);
}

template <int... V>
[[gnu::always_inline]] inline void store(void* to, const __m512i (&sums)[vectors], Numbers<V...>) {
  (_mm512_storeu_si512(static_cast<__m512i*>(to) + V, sums[V]), ...);
}

enum class Output { hits, biased_hits, sums };

template <Output output>
[[gnu::always_inline]] inline void put_out(const ScreenTask& task, long row, const __m512i (&sums)[vectors]) {
  if constexpr (output == Output::sums) {
    store(task.sums + row * panel_items, sums, AllVectors());
  } else {
    task.hits[row] = compare_row<output == Output::biased_hits>(task, row, sums, AllVectors());
  }
}

template <Output output, int... R>
[[gnu::always_inline]] inline void multiply_rows(const ScreenTask& task, long first, Numbers<R...>) {
  __m512i sums[rows_at_once][vectors];
  (load(sums[R], task.starts, AllVectors()), ...);
  const std::uint8_t* rows = task.rows + first * task.num_columns;
  const std::int8_t* codes = task.codes;
  for (long column = 0; column < task.num_columns; column += 4, codes += panel_items * 4) {
    __m512i items[vectors];
    load(items, codes, AllVectors());
    (add_row(sums[R], rows + R * task.num_columns + column, items, AllVectors()), ...);
  }
  (put_out<output>(task, first + R, sums[R]), ...);
}

template <Output output>
void multiply(const ScreenTask& task) {
  for (long first = 0; first < task.num_rows; first += rows_at_once)
    multiply_rows<output>(task, first, AllRows());
}

void find_hits(const ScreenTask& task) {
  if (task.bias != nullptr) return multiply<Output::biased_hits>(task);
  multiply<Output::hits>(task);
}

template <Output output>
void compare_all(const ScreenTask& task) {
  for (long row = 0; row < task.num_rows; ++row) {
    __m512i sums[vectors];
    load(sums, task.sums + row * panel_items, AllVectors());
    put_out<output>(task, row, sums);
  }
}

}  // namespace

void compare_sums_avx512(const ScreenTask& task) {
  if (task.bias != nullptr) return compare_all<Output::biased_hits>(task);
  compare_all<Output::hits>(task);
}

const ScreenKernel vnni_kernel{
    "vnni", 127, 128, rows_at_once, 4, find_hits, multiply<Output::sums>, compare_sums_avx512};

}  // namespace pushcart::detail
#endif
