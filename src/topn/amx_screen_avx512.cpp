#include "topn/screen_kernel.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma GCC target("amx-tile,amx-int8,xsave")

namespace pushcart::detail {

namespace {

constexpr long tile = 16;          // rows of a tile register; a row has 64 bytes
constexpr long rows_at_once = 32;  // two tile registers
constexpr long items_at_once = 32;

struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t num_rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Dot products of 32 rows with 32 items: sums[half of the items][row][item].
inline void multiply(const std::uint8_t* rows, long num_columns, const std::int8_t* codes,
                     const std::int32_t* starts, std::int32_t (&sums)[2][rows_at_once][tile]) {
  _tile_loadd(0, starts, 0);  // a stride of 0: each row of the tile starts alike
  _tile_loadd(1, starts + tile, 0);
  _tile_loadd(2, starts, 0);
  _tile_loadd(3, starts + tile, 0);
  for (long column = 0; column < num_columns; column += 64) {
    const std::int8_t* items = codes + column * panel_items;
    _tile_loadd(4, rows + column, num_columns);
    _tile_loadd(5, rows + tile * num_columns + column, num_columns);
    _tile_loadd(6, items, panel_items * 4);
    _tile_loadd(7, items + tile * 4, panel_items * 4);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_stored(0, &sums[0][0][0], 64);
  _tile_stored(1, &sums[1][0][0], 64);
  _tile_stored(2, &sums[0][tile][0], 64);
  _tile_stored(3, &sums[1][tile][0], 64);
}

template <bool biased>
inline std::uint64_t compare(const ScreenTask& task, long row, long first_item, const std::int32_t* sums) {
  const __m512i sum = _mm512_load_si512(sums);
  if constexpr (biased) {
    const __m512 score =
        _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(static_cast<__mmask16>(-1), sum),
                        _mm512_set1_ps(task.scales[row]), _mm512_loadu_ps(task.bias + first_item));
    return _mm512_cmp_ps_mask(score, _mm512_set1_ps(task.float_limits[row]), _CMP_NLT_UQ);
  } else {
    return _mm512_cmpge_epi32_mask(sum, _mm512_set1_epi32(task.limits[row]));
  }
}

template <bool biased>
void find_hits(const ScreenTask& task) {
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  alignas(64) std::int32_t sums[2][2][rows_at_once][tile];  // by part of the panel
  for (long first = 0; first < task.num_rows; first += rows_at_once) {
    for (long part = 0; part < 2; ++part) {
      multiply(task.rows + first * task.num_columns, task.num_columns, task.codes + part * items_at_once * 4,
               task.starts + part * items_at_once, sums[part]);
    }
    for (long r = 0; r < rows_at_once; ++r) {
      std::uint64_t hits = 0;
      for (long v = 0; v < 4; ++v) {
        hits |= compare<biased>(task, first + r, v * tile, sums[v / 2][v % 2][r]) << (v * tile);
      }
      task.hits[first + r] = hits;
    }
  }
  _tile_release();
}

void find_amx_hits(const ScreenTask& task) {
  if (task.bias != nullptr) return find_hits<true>(task);
  find_hits<false>(task);
}

bool ask_for_amx() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned amx_tile = 1u << 24, amx_int8 = 1u << 25;
  if ((d & amx_tile) == 0 || (d & amx_int8) == 0) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

bool amx_permitted() {
  static const bool permitted = ask_for_amx();
  return permitted;
}

const ScreenKernel amx_kernel{"amx", 127, 128, rows_at_once, 64, find_amx_hits};

}  // namespace pushcart::detail
#endif
