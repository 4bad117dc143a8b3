#pragma once

// Included by the files of one CPU path: plain types and declarations only.

#include <cstdint>

namespace pushcart::detail {

/// Items that are screened together: a hit mask of a panel is one word.
inline constexpr long panel_items = 64;

/// One tile of rows against one panel of items, both as 8-bit codes. Everything belongs to the caller.
///
/// The codes of the panel are laid out in groups of four columns: group g of item i is the four bytes at
/// codes + (g * panel_items + i) * 4. Rows are row-major, shifted by ScreenKernel::shift to be unsigned, and
/// as long as the panel has columns.
struct ScreenTask {
  const std::uint8_t* rows = nullptr;  ///< num_rows x num_columns, 64-byte aligned
  long num_rows = 0;                   ///< a multiple of ScreenKernel::row_multiple
  long num_columns = 0;                ///< a multiple of ScreenKernel::column_multiple
  const std::int8_t* codes = nullptr;  ///< num_columns / 4 x panel_items x 4, 64-byte aligned
  /// What a sum starts from: minus the shift times the sum of the item's codes, so that the sum ends as the
  /// dot product of the signed codes.
  const std::int32_t* starts = nullptr;  ///< panel_items
  const std::int32_t* limits = nullptr;  ///< a row each: a hit is a dot product that is not below
  /// If given, a hit is instead a pair with float(dot) * scales[row] + bias[row][item] not below
  /// float_limits[row] (not comparable counts as a hit).
  const float* const* bias = nullptr;   ///< a row each: panel_items
  const float* scales = nullptr;        ///< a row each
  const float* float_limits = nullptr;  ///< a row each
  std::int32_t* sums = nullptr;  ///< num_rows x panel_items, 64-byte aligned; find_sums and compare_sums only
  std::uint64_t* hits = nullptr;  ///< a row each: bit i is set if item i of the panel is a hit
};

/// A way to compute the dot products; they are exact, so that all kernels find the same hits.
struct ScreenKernel {
  const char* name = "";
  int levels = 0;  ///< row codes are within +-levels
  int shift = 0;   ///< added to row codes
  long row_multiple = 1;
  long column_multiple = 4;
  void (*find_hits)(const ScreenTask&) = nullptr;
  void (*find_sums)(const ScreenTask&) = nullptr;     ///< dot products to task.sums, hits are left alone
  void (*compare_sums)(const ScreenTask&) = nullptr;  ///< hits from task.sums; needs no codes
};

/// compare_sums of both AVX-512 kernels.
void compare_sums_avx512(const ScreenTask& task);

/// vpdpbusd; AVX-512 VNNI.
extern const ScreenKernel vnni_kernel;
/// Tiles of 16 x 16 sums; AMX-INT8 and AVX-512. amx_permitted() asks the system first.
extern const ScreenKernel amx_kernel;
/// vpmaddubsw on 7-bit rows, which cannot saturate; AVX2.
extern const ScreenKernel avx2_kernel;

/// Whether this CPU has AMX-INT8 and the system lets this process use it.
bool amx_permitted();

}  // namespace pushcart::detail
