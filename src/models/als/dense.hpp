#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart::als {

/// Storage at cache-line boundaries: vectors of 16 floats then never straddle two lines.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t line{64};
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
  void deallocate(T* data, std::size_t) { ::operator delete(data, line); }
  template <class U>
  bool operator==(const LineAllocator<U>&) const {
    return true;
  }
};
template <class T>
using Scratch = std::vector<T, LineAllocator<T>>;

/// Row strides are multiples of this, the padding zero.
inline constexpr Count lanes = 16;
inline Count padded(Count n) {
  return (n + lanes - 1) / lanes * lanes;
}

// Small dense kernels. Each sums in one fixed order, whatever the alignment of its operands, and uses one
// thread; any thread may call them.

/// x . y over n floats: 16 partial sums, then pairwise; the rest in order.
float dot(const float* x, const float* y, Count n);
/// The same in double, for residuals; n is a multiple of `lanes`.
double dot(const float* x, const double* y, Count n);
/// The same for any n: eight partial sums, then pairwise.
double dot_wide(const float* x, const double* y, Count n);
/// sum of x^2, and of w x^2, in double: eight partial sums, then in order.
double sum_of_squares(std::span<const float> x);
double weighted_squares(std::span<const double> weights, std::span<const float> x);
bool all_finite(std::span<const float> x);
/// y += a x.
template <class T>
void add_scaled(T a, const float* x, T* y, Count n) {
  for (Count i = 0; i < n; ++i) y[i] += a * static_cast<T>(x[i]);
}

/// Upper triangle of B B' for `rows` rows of `stride` floats (padding zero), into `rows` rows of
/// `out_stride`.
void row_products(const float* b, Count rows, Count stride, float* out, Count out_stride);
void row_products(const double* b, Count rows, Count stride, double* out, Count out_stride);
/// Upper triangle of B' B (n x n, n columns used of `stride`), added to `out` if `accumulate`.
enum class Update { overwrite, accumulate };
void column_products(const float* b, Count rows, Count n, Count stride, float* out, Count out_stride,
                     Update update);
void column_products(const double* b, Count rows, Count n, Count stride, double* out, Count out_stride,
                     Update update);

/// out (a_rows x b_rows) = A B', rows of n doubles without padding.
void cross_products(const double* a, Count a_rows, const double* b, Count b_rows, Count n, double* out);

/// M = U' U in place on the upper triangle. @return false if a pivot was not above zero
template <class T>
bool factorize(T* m, Count n, Count stride);
/// Solves U' U x = rhs in place.
template <class T>
void solve_factorized(const T* u, Count n, Count stride, T* rhs);
/// The same for `columns` right sides, the columns of rhs (n x columns, without padding).
void solve_factorized(const double* u, Count n, Count stride, double* rhs, Count columns);

/// out (rows x k) = a (rows x k) times the transpose of b (k x k), all row-major without padding.
void times_transposed(const float* a, const float* b, Count rows, Count k, float* out);

/// Eigenvalues of the symmetric k x k matrix, ascending; `matrix` becomes the eigenvectors, one a row.
/// @return false if LAPACK gave up
bool eigen_decompose(std::vector<double>& matrix, Count k, std::vector<double>& eigenvalues);

/// OpenBLAS stays on the calling thread: threads are ours, and sums keep their order.
void use_one_blas_thread();

}  // namespace pushcart::als
