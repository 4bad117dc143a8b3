#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart::als {

/// Products of blocks of a table's rows with a k x k matrix and with themselves, compiled once for each CPU
/// path. Operands come in panels of `panel_columns` columns: panel after panel, in each the rows one after
/// the other, columns beyond k zero. Each number of a result is summed over ascending rows or columns in
/// fixed runs, so that its bits do not depend on how a table is cut into blocks.
struct BlockKernels {
  /// Upper triangle (and what more falls into its tiles) of A'A, each number rounded by adding and taking
  /// away `shift`, added to `sums`: rows of `stride` doubles, stride = panelled(k).
  void (*add_gram)(const float* panels, Count rows, Count k, double shift, double* sums);

  /// out (rows of k floats) = a (rows of `stride` floats) times the k x k matrix in `panels`.
  void (*multiply)(const float* a, Count rows, Count stride, Count k, const float* panels, float* out);
};

inline constexpr Count panel_columns = 32;
constexpr Count panelled(Count k) {
  return (k + panel_columns - 1) / panel_columns * panel_columns;
}

/// Those of cpu_path().
const BlockKernels& block_kernels();

extern const BlockKernels block_kernels_portable, block_kernels_avx2, block_kernels_avx512;

}  // namespace pushcart::als
