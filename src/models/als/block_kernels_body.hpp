// The body of block_kernels.hpp for one vector width; included by the files of the CPU paths only.
#include "models/als/block_kernels.hpp"
#include "models/als/vectors.hpp"

namespace pushcart::als {
namespace {

/// A tile of Rows x (Parts * Width) sums stays in registers.
template <int Width, int Rows, int Parts>
struct Blocks {
  using Floats = typename Vectors<Width>::Floats;
  using Loose = typename Vectors<Width>::Loose;
  using HalfFloats = typename Vectors<Width / 2>::Floats;
  using Doubles = typename Vectors<Width>::HalfDoubles;
  static constexpr int tile_columns = Parts * Width;

  static Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }

  /// sums[r][v] += over s: left[s * left_step + r * row_step] * (right row s, part v).
  static void accumulate(const float* left, Count left_step, Count row_step, const float* right, Count count,
                         Floats (&sums)[Rows][Parts]) {
    for (Count s = 0; s < count; ++s) {
      Floats b[Parts];
      for (int v = 0; v < Parts; ++v) b[v] = load(right + s * panel_columns + v * Width);
      const float* const column = left + s * left_step;
      for (int r = 0; r < Rows; ++r) {
        const Floats a = column[r * row_step] - Floats{};
        for (int v = 0; v < Parts; ++v) sums[r][v] += a * b[v];
      }
    }
  }

  static void add_rounded(const Floats& values, double shift, double* to) {
    const Doubles lift = shift - Doubles{};
    for (int half = 0; half < 2; ++half) {
      HalfFloats part;
      __builtin_memcpy(&part, reinterpret_cast<const char*>(&values) + half * sizeof(part), sizeof(part));
      Doubles sum;
      __builtin_memcpy(&sum, to + half * (Width / 2), sizeof(sum));
      sum += (__builtin_convertvector(part, Doubles) + lift) - lift;
      __builtin_memcpy(to + half * (Width / 2), &sum, sizeof(sum));
    }
  }

  static void add_gram(const float* panels, Count rows, Count k, double shift, double* sums) {
    const Count stride = panelled(k), panel_size = rows * panel_columns;
    for (Count j = 0; j < stride; j += panel_columns) {
      const float* const right = panels + j / panel_columns * panel_size;
      for (Count i = 0; i < j + panel_columns; i += Rows) {
        const float* const left = panels + i / panel_columns * panel_size + i % panel_columns;
        double* const to = sums + i * stride + j;
        for (int r = 0; r < Rows; ++r) {
          for (Count c = 0; c < panel_columns; c += 8) __builtin_prefetch(to + r * stride + c, 1, 2);
        }
        for (int part = 0; part < panel_columns; part += tile_columns) {
          Floats tile[Rows][Parts] = {};
          accumulate(left, panel_columns, 1, right + part, rows, tile);
          for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < Parts; ++v)
              add_rounded(tile[r][v], shift, to + r * stride + part + v * Width);
          }
        }
      }
    }
  }

  /// out[r][c] for a tile, over columns [first, last) of a, added to what is there unless first is 0.
  template <int R>
  static void multiply_tile(const float* a, Count stride, Count k, Count first, Count last,
                            const float* panel, Count columns, float* out) {
    Floats tile[R][Parts] = {};
    if (first > 0) {
      for (int r = 0; r < R; ++r) {
        float row[tile_columns] = {};
        for (Count c = 0; c < columns; ++c) row[c] = out[r * k + c];
        for (int v = 0; v < Parts; ++v) __builtin_memcpy(&tile[r][v], row + v * Width, sizeof(Floats));
      }
    }
    for (Count p = first; p < last; ++p) {
      Floats b[Parts];
      for (int v = 0; v < Parts; ++v) b[v] = load(panel + p * panel_columns + v * Width);
      for (int r = 0; r < R; ++r) {
        const Floats value = a[r * stride + p] - Floats{};
        for (int v = 0; v < Parts; ++v) tile[r][v] += value * b[v];
      }
    }
    for (int r = 0; r < R; ++r) {
      if (columns == tile_columns) {
        for (int v = 0; v < Parts; ++v) *reinterpret_cast<Loose*>(out + r * k + v * Width) = tile[r][v];
      } else {
        float row[tile_columns];
        for (int v = 0; v < Parts; ++v) __builtin_memcpy(row + v * Width, &tile[r][v], sizeof(Floats));
        for (Count c = 0; c < columns; ++c) out[r * k + c] = row[c];
      }
    }
  }

  static void multiply(const float* a, Count rows, Count stride, Count k, const float* panels, float* out) {
    constexpr Count run = 256;  // columns of a at a time: so much of a panel stays in the first cache
    for (Count first = 0; first < k; first += run) {
      const Count last = first + run < k ? first + run : k;
      for (Count j = 0; j < k; j += tile_columns) {
        const float* const panel = panels + j / panel_columns * panel_columns * k + j % panel_columns;
        const Count columns = k - j < tile_columns ? k - j : tile_columns;
        Count r = 0;
        for (; r + Rows <= rows; r += Rows)
          multiply_tile<Rows>(a + r * stride, stride, k, first, last, panel, columns, out + r * k + j);
        for (; r < rows; ++r)
          multiply_tile<1>(a + r * stride, stride, k, first, last, panel, columns, out + r * k + j);
      }
    }
  }

  static constexpr BlockKernels table() { return {&add_gram, &multiply}; }
};

}  // namespace
}  // namespace pushcart::als
