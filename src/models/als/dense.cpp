#include "models/als/dense.hpp"

#include <cblas.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "pushcart/base/checked.hpp"

extern "C" {
void dsyevd_(const char* job, const char* part, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info);
void spotrf_(const char* part, const int* n, float* a, const int* lda, int* info);
void dpotrf_(const char* part, const int* n, double* a, const int* lda, int* info);
}

namespace pushcart::als {
namespace {

// GCC's vector extension: one AVX-512 register, or several narrower ones where the CPU has no such.
typedef float Lanes __attribute__((vector_size(64)));
typedef float UnalignedLanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef double WideLanes __attribute__((vector_size(64)));
typedef double UnalignedWideLanes __attribute__((vector_size(64), aligned(8), may_alias));
typedef float HalfLanes __attribute__((vector_size(32)));
typedef float UnalignedHalfLanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef float QuarterLanes __attribute__((vector_size(16)));

inline Lanes load(const float* p) {
  return *reinterpret_cast<const UnalignedLanes*>(p);
}
inline WideLanes load_wide(const double* p) {
  return *reinterpret_cast<const UnalignedWideLanes*>(p);
}
inline WideLanes load_widened(const float* p) {
  return __builtin_convertvector(*reinterpret_cast<const UnalignedHalfLanes*>(p), WideLanes);
}

inline float sum(Lanes v) {
  const HalfLanes half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const QuarterLanes quarter =
      __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
  return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}
inline double sum(WideLanes v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// Products of Rows x Columns rows at once, so that each loaded vector is used several times.
template <int Rows, int Columns>
inline void product_tile(const float* a, const float* b, Count stride, float* out, Count out_stride) {
  Lanes sums[Rows][Columns] = {};
  for (Count p = 0; p < stride; p += lanes) {
    Lanes left[Rows];
    for (int r = 0; r < Rows; ++r) left[r] = load(a + r * stride + p);
    for (int c = 0; c < Columns; ++c) {
      const Lanes right = load(b + c * stride + p);
      for (int r = 0; r < Rows; ++r) sums[r][c] += left[r] * right;
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Columns; ++c) out[r * out_stride + c] = sum(sums[r][c]);
  }
}

void lapack_cholesky(float* m, int n, int stride, int& info) {
  spotrf_("L", &n, m, &stride, &info);
}
void lapack_cholesky(double* m, int n, int stride, int& info) {
  dpotrf_("L", &n, m, &stride, &info);
}

template <class Term>
double eight_sums(std::size_t count, Term&& term) {
  constexpr std::size_t width = 8;
  double sums[width] = {};
  std::size_t n = 0;
  for (; n + width <= count; n += width) {
    for (std::size_t lane = 0; lane < width; ++lane) sums[lane] += term(n + lane);
  }
  for (std::size_t lane = 0; n < count; ++n, ++lane) sums[lane] += term(n);
  double total = 0;
  for (const double sum_of_lane : sums) total += sum_of_lane;
  return total;
}

int blas_int(Count n) {
  return checked_cast<int>(n);
}

}  // namespace

float dot(const float* x, const float* y, Count n) {
  Lanes sums = {};
  Count i = 0;
  for (; i + lanes <= n; i += lanes) sums += load(x + i) * load(y + i);
  float result = sum(sums);
  for (; i < n; ++i) result += x[i] * y[i];
  return result;
}

double dot(const float* x, const double* y, Count n) {
  WideLanes first = {}, second = {};
  for (Count i = 0; i < n; i += lanes) {
    first += load_widened(x + i) * load_wide(y + i);
    second += load_widened(x + i + lanes / 2) * load_wide(y + i + lanes / 2);
  }
  return sum(first + second);
}

double dot_wide(const float* x, const double* y, Count n) {
  double sums[8] = {};
  Count c = 0;
  for (; c + 8 <= n; c += 8) {
    for (Count lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(x[c + lane]) * y[c + lane];
  }
  for (Count lane = 0; c + lane < n; ++lane) sums[lane] += static_cast<double>(x[c + lane]) * y[c + lane];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

double sum_of_squares(std::span<const float> x) {
  return eight_sums(x.size(), [&](std::size_t n) {
    const auto value = static_cast<double>(x[n]);
    return value * value;
  });
}

double weighted_squares(std::span<const double> weights, std::span<const float> x) {
  return eight_sums(x.size(), [&](std::size_t n) {
    const auto value = static_cast<double>(x[n]);
    return weights[n] * value * value;
  });
}

bool all_finite(std::span<const float> x) {
  constexpr std::uint32_t infinity = 0x7F800000;
  std::uint32_t largest = 0;  // bits of magnitudes are ordered as these are; without a branch, for vectors
  for (const float value : x) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU);
  return largest < infinity;
}

void row_products(const float* b, Count rows, Count stride, float* out, Count out_stride) {
  // Measured (k = 64 to 256): faster than OpenBLAS ssyrk and Eigen up to some 60 rows, even with them at 100.
  constexpr Count tile = 4;
  Count i = 0;
  for (; i + tile <= rows; i += tile) {
    float* const row = out + i * out_stride;
    Count j = i;
    for (; j + tile <= rows; j += tile) {
      product_tile<tile, tile>(b + i * stride, b + j * stride, stride, row + j, out_stride);
    }
    for (; j < rows; ++j) product_tile<tile, 1>(b + i * stride, b + j * stride, stride, row + j, out_stride);
  }
  for (; i < rows; ++i) {
    for (Count j = i; j < rows; ++j) {
      product_tile<1, 1>(b + i * stride, b + j * stride, stride, out + i * out_stride + j, out_stride);
    }
  }
}

void row_products(const double* b, Count rows, Count stride, double* out, Count out_stride) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, blas_int(rows), blas_int(stride), 1.0, b,
              blas_int(stride), 0.0, out, blas_int(out_stride));
}

void column_products(const float* b, Count rows, Count n, Count stride, float* out, Count out_stride,
                     Update update) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, blas_int(n), blas_int(rows), 1.0F, b, blas_int(stride),
              update == Update::accumulate ? 1.0F : 0.0F, out, blas_int(out_stride));
}
void column_products(const double* b, Count rows, Count n, Count stride, double* out, Count out_stride,
                     Update update) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, blas_int(n), blas_int(rows), 1.0, b, blas_int(stride),
              update == Update::accumulate ? 1.0 : 0.0, out, blas_int(out_stride));
}

void cross_products(const double* a, Count a_rows, const double* b, Count b_rows, Count n, double* out) {
  if (a_rows == 0 || b_rows == 0) return;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(a_rows), blas_int(b_rows), blas_int(n), 1.0,
              a, blas_int(n), b, blas_int(n), 0.0, out, blas_int(b_rows));
}

template <class T>
bool factorize(T* m, Count n, Count stride) {
  constexpr Count blocked_from = 64;  // measured: below it LAPACK's overhead costs more than it saves
  if (n >= blocked_from) {
    int info = 0;
    lapack_cholesky(m, blas_int(n), blas_int(stride), info);  // lower by columns is upper by rows
    return info == 0;
  }
  for (Count j = 0; j < n; ++j) {
    T* const pivot_row = m + j * stride;
    if (!(pivot_row[j] > 0)) return false;
    const T scale = T{1} / std::sqrt(pivot_row[j]);
    for (Count c = j; c < n; ++c) pivot_row[c] *= scale;
    for (Count i = j + 1; i < n; ++i) {
      const T factor = -pivot_row[i];
      T* const row = m + i * stride;
      for (Count c = i; c < n; ++c) row[c] += factor * pivot_row[c];
    }
  }
  return true;
}
template bool factorize(float*, Count, Count);
template bool factorize(double*, Count, Count);

template <class T>
void solve_factorized(const T* u, Count n, Count stride, T* rhs) {
  for (Count j = 0; j < n; ++j) {
    const T* const row = u + j * stride;
    rhs[j] /= row[j];
    const T factor = -rhs[j];
    for (Count c = j + 1; c < n; ++c) rhs[c] += factor * row[c];
  }
  for (Count j = n - 1; j >= 0; --j) {
    const T* const row = u + j * stride;
    T sums[lanes] = {};
    Count c = j + 1;
    for (; c + lanes <= n; c += lanes) {
      for (Count lane = 0; lane < lanes; ++lane) sums[lane] += row[c + lane] * rhs[c + lane];
    }
    for (Count lane = 0; c < n; ++c, ++lane) sums[lane] += row[c] * rhs[c];
    for (Count width = lanes / 2; width > 0; width /= 2) {
      for (Count lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
    }
    rhs[j] = (rhs[j] - sums[0]) / row[j];
  }
}
template void solve_factorized(const float*, Count, Count, float*);
template void solve_factorized(const double*, Count, Count, double*);

void solve_factorized(const double* u, Count n, Count stride, double* rhs, Count columns) {
  for (const auto transpose : {CblasTrans, CblasNoTrans}) {
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, transpose, CblasNonUnit, blas_int(n), blas_int(columns),
                1.0, u, blas_int(stride), rhs, blas_int(columns));
  }
}

void times_transposed(const float* a, const float* b, Count rows, Count k, float* out) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(rows), blas_int(k), blas_int(k), 1.0F, a,
              blas_int(k), b, blas_int(k), 0.0F, out, blas_int(k));
}

bool eigen_decompose(std::vector<double>& matrix, Count k, std::vector<double>& eigenvalues) {
  const int n = blas_int(k);
  int info = 0, integer_size = 0, query = -1;
  double real_size = 0;
  eigenvalues.resize(static_cast<std::size_t>(k));
  dsyevd_("V", "U", &n, matrix.data(), &n, eigenvalues.data(), &real_size, &query, &integer_size, &query,
          &info);
  if (info != 0) return false;
  std::vector<double> work(static_cast<std::size_t>(real_size));
  std::vector<int> integer_work(static_cast<std::size_t>(integer_size));
  const int work_size = static_cast<int>(real_size);
  dsyevd_("V", "U", &n, matrix.data(), &n, eigenvalues.data(), work.data(), &work_size, integer_work.data(),
          &integer_size, &info);
  return info == 0;
}

void use_one_blas_thread() {
  openblas_set_num_threads(1);
}

}  // namespace pushcart::als
