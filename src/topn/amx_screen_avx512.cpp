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

/// Dot products of 32 rows with 32 items, to `sums` with panel_items a row.
inline void multiply(const std::uint8_t* rows, long num_columns, const std::int8_t* codes,
                     const std::int32_t* starts, std::int32_t* sums) {
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
  constexpr long row_bytes = panel_items * 4;
  _tile_stored(0, sums, row_bytes);
  _tile_stored(1, sums + tile, row_bytes);
  _tile_stored(2, sums + tile * panel_items, row_bytes);
  _tile_stored(3, sums + tile * panel_items + tile, row_bytes);
}

/// 32 rows with a panel.
inline void multiply_rows(const ScreenTask& task, long first, std::int32_t* sums) {
  for (long item = 0; item < panel_items; item += items_at_once) {
    multiply(task.rows + first * task.num_columns, task.num_columns, task.codes + item * 4,
             task.starts + item, sums + item);
  }
}

void find_sums(const ScreenTask& task) {
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  for (long first = 0; first < task.num_rows; first += rows_at_once) {
    multiply_rows(task, first, task.sums + first * panel_items);
  }
  _tile_release();
}

void find_hits(const ScreenTask& task) {
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  alignas(64) std::int32_t sums[rows_at_once * panel_items];
  for (long first = 0; first < task.num_rows; first += rows_at_once) {
    multiply_rows(task, first, sums);
    ScreenTask part = task;
    part.num_rows = rows_at_once;
    part.sums = sums;
    part.hits += first;
    if (task.bias == nullptr) {
      part.limits += first;
    } else {
      part.bias += first;
      part.scales += first;
      part.float_limits += first;
    }
    compare_sums_avx512(part);
  }
  _tile_release();
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

const ScreenKernel amx_kernel{"amx", 127, 128, rows_at_once, 64, find_hits, find_sums, compare_sums_avx512};

}  // namespace pushcart::detail
#endif
