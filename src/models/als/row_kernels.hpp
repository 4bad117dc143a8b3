#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart::als {

/// Rows that will be read next: kernels bring them near, a few lines at a time, while they compute.
struct Ahead {
  const void* const* rows = nullptr;
  Count num_rows = 0;
  Count row_bytes = 0;
  Count row = 0, byte = 0;  ///< what has been asked for
};

/// A row whose system is solved by conjugate gradients.
struct GradientRow {
  const float* b = nullptr;
  float* e = nullptr;     ///< d floats, becomes e - By
  float* y = nullptr;     ///< `stride` floats: where to begin, then the solution
  float* work = nullptr;  ///< 3 * stride + d floats, at a cache line
  int steps = 0;          ///< set to those that it took, or to -1 - steps if max_steps did not do
};
inline constexpr int most_gradient_rows = 2;

/// The hot loops of the row solvers, compiled once for each CPU path. B is a row's gathered rows, scaled (see
/// RowSolver): d rows of `stride` floats, stride a multiple of `lanes`, padding zero. d is a multiple of
/// `tile_rows`; rows beyond a row's entries are zero. Sums run in one order that d and stride fix.
struct RowKernels {
  Count group;  ///< systems solved side by side, one a lane

  /// out row j = root[j] * scale * row j of k floats or bfloat16; padding columns become zero.
  void (*gather)(const void* const* rows, Count d, Count k, Count stride, const float* roots,
                 const float* scale, float* out);
  void (*gather_bf16)(const void* const* rows, Count d, Count k, Count stride, const float* roots,
                      const float* scale, float* out);

  /// roots[j] = weights[j]^1/2, right_side[j] = roots[j] targets[j] for j < d. All four are read or written
  /// up to the next multiple of the path's width, at most `lanes`; what is beyond d is unspecified.
  void (*weigh)(const float* weights, const float* targets, Count d, float* roots, float* right_side);

  /// BB' as tiles of 4 x 4, (0,0), (0,1) ... (1,1) ...: the upper triangle of tiles.
  void (*tile_products)(const float* b, Count d, Count stride, float* tiles, Ahead& ahead);

  /// (I + S_l) v_l = rhs_l for the `count` <= group systems l, by Cholesky, a system a lane. `tiles` and
  /// `rhs` hold one after the other; v_l takes the place of rhs_l. `work`: group * (tile_floats(d) + d)
  /// floats, at a cache line. failed[l]: a pivot was not above zero.
  void (*solve_group)(const float* tiles, Count d, Count count, float* rhs, float* work, int* failed);

  /// y = B'v.
  void (*combine)(const float* b, Count d, Count stride, const float* v, float* y);

  /// Conjugate gradients on (I + B'B) y = B'e for each of `count` <= most_gradient_rows rows, which take
  /// turns: from the row's y, until |residual| <= tolerance |B'e|. A row's bits do not depend on the others.
  void (*conjugate_gradients)(GradientRow* rows, int count, Count d, Count stride, float tolerance,
                              int max_steps, Ahead& ahead);

  /// out[c] = 1 / sqrt(diagonal[c] + shift), `stride` floats.
  void (*inverse_roots)(const float* diagonal, float shift, Count stride, float* out);

  /// float to bfloat16, to nearest, ties to even.
  void (*to_bf16)(const float* from, Count count, unsigned short* to);
};

inline constexpr Count tile_rows = 4;
constexpr Count tiled(Count d) {
  return (d + tile_rows - 1) / tile_rows * tile_rows;
}
/// Floats of the upper triangle of tiles of a d x d matrix, d a multiple of tile_rows.
constexpr Count tile_floats(Count d) {
  return d / tile_rows * (d / tile_rows + 1) / 2 * tile_rows * tile_rows;
}

/// Those of cpu_path().
const RowKernels& row_kernels();

extern const RowKernels row_kernels_portable, row_kernels_avx2, row_kernels_avx512;

}  // namespace pushcart::als
