#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "models/als/dense.hpp"
#include "models/als/eigenbasis.hpp"
#include "models/als/gram.hpp"
#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart::als::als_dense_test {
namespace {

using test::world;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// rows x stride, zero beyond n columns.
Scratch<float> random_rows(Count rows, Count n, Count stride) {
  RandomStream random(11, static_cast<std::uint64_t>(rows * 1000 + n));
  Scratch<float> values(static_cast<std::size_t>(rows * stride), 0.0F);
  for (Count r = 0; r < rows; ++r) {
    for (Count c = 0; c < n; ++c)
      values[static_cast<std::size_t>(r * stride + c)] = static_cast<float>(random.next_normal());
  }
  return values;
}

Matrix as_matrix(const Scratch<float>& values, Count rows, Count n, Count stride) {
  Matrix matrix(rows, n);
  for (Count r = 0; r < rows; ++r) {
    for (Count c = 0; c < n; ++c)
      matrix(r, c) = static_cast<double>(values[static_cast<std::size_t>(r * stride + c)]);
  }
  return matrix;
}

template <class T>
double upper_difference(const T* found, Count stride, const Matrix& expected) {
  double worst = 0;
  for (Eigen::Index r = 0; r < expected.rows(); ++r) {
    for (Eigen::Index c = r; c < expected.cols(); ++c) {
      worst = std::max(worst, std::abs(static_cast<double>(found[r * stride + c]) - expected(r, c)));
    }
  }
  return worst;
}

TEST(DenseKernels, ProductsOfRowsAndColumns) {
  for (const Count rows : {1, 3, 4, 7, 8, 30}) {
    for (const Count n : {1, 5, 16, 33}) {
      const Count stride = padded(n);
      const auto b = random_rows(rows, n, stride);
      const Matrix dense = as_matrix(b, rows, n, stride);
      Scratch<float> by_row(static_cast<std::size_t>(rows * rows)),
          by_column(static_cast<std::size_t>(n * n), 1.0F);
      row_products(b.data(), rows, stride, by_row.data(), rows);
      EXPECT_LT(upper_difference(by_row.data(), rows, dense * dense.transpose()), 2e-5);
      column_products(b.data(), rows, n, stride, by_column.data(), n, Update::accumulate);
      EXPECT_LT(upper_difference(by_column.data(), n, (dense.transpose() * dense).array() + 1.0), 2e-5);
      column_products(b.data(), rows, n, stride, by_column.data(), n, Update::overwrite);
      EXPECT_LT(upper_difference(by_column.data(), n, dense.transpose() * dense), 2e-5);
    }
  }
}

TEST(DenseKernels, DotDoesNotDependOnAlignment) {
  const auto values = random_rows(1, 300, 304);
  for (const Count n : {1, 15, 16, 40, 100}) {
    Scratch<float> shifted(static_cast<std::size_t>(n) + 3);
    std::copy_n(values.begin(), n, shifted.begin() + 3);
    EXPECT_EQ(dot(values.data(), values.data(), n), dot(shifted.data() + 3, values.data(), n));
    double expected = 0;
    for (Count c = 0; c < n; ++c)
      expected += std::pow(static_cast<double>(values[static_cast<std::size_t>(c)]), 2);
    EXPECT_NEAR(dot(values.data(), values.data(), n), expected, 1e-5 * expected);
  }
}

TEST(DenseKernels, SumsOfSquaresAndFiniteness) {
  for (const Count n : {0, 1, 7, 8, 9, 40}) {
    auto values = random_rows(1, n, padded(n));
    values.resize(static_cast<std::size_t>(n));
    double squares = 0, weighted = 0;
    std::vector<double> weights;
    for (std::size_t c = 0; c < values.size(); ++c) {
      weights.push_back(static_cast<double>(c) - 2.5);
      squares += std::pow(static_cast<double>(values[c]), 2);
      weighted += weights[c] * std::pow(static_cast<double>(values[c]), 2);
    }
    EXPECT_NEAR(sum_of_squares(values), squares, 1e-13 * squares);
    EXPECT_NEAR(weighted_squares(weights, values), weighted, 1e-12 * static_cast<double>(n));
    EXPECT_TRUE(all_finite(values));
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      if (n == 0) continue;
      values.back() = bad;
      EXPECT_FALSE(all_finite(values));
    }
  }
}

template <class T>
void expect_cholesky_solves(double tolerance) {
  for (const Count n : {1, 2, 17, 63, 64, 90}) {
    const auto b = random_rows(n, n, n);
    Matrix system = as_matrix(b, n, n, n);
    system = system * system.transpose() / static_cast<double>(n) + Matrix::Identity(n, n);
    Eigen::VectorXd right_side = Eigen::VectorXd::LinSpaced(n, -1, 2);
    const Eigen::VectorXd expected = system.ldlt().solve(right_side);
    Scratch<T> upper(static_cast<std::size_t>(n * n)), x(static_cast<std::size_t>(n));
    for (Count r = 0; r < n; ++r) {
      x[static_cast<std::size_t>(r)] = static_cast<T>(right_side(r));
      for (Count c = r; c < n; ++c) upper[static_cast<std::size_t>(r * n + c)] = static_cast<T>(system(r, c));
    }
    ASSERT_TRUE(factorize(upper.data(), n, n));
    solve_factorized(upper.data(), n, n, x.data());
    for (Count r = 0; r < n; ++r)
      EXPECT_NEAR(static_cast<double>(x[static_cast<std::size_t>(r)]), expected(r), tolerance);
  }
}

TEST(DenseKernels, CholeskySolvesInFloatAndDouble) {
  expect_cholesky_solves<float>(2e-5);
  expect_cholesky_solves<double>(1e-12);
}

TEST(DenseKernels, CholeskyOfAnIndefiniteMatrixFails) {
  for (const Count n : {3, 80}) {
    Scratch<float> matrix(static_cast<std::size_t>(n * n), 0.0F);
    for (Count r = 0; r < n; ++r) matrix[static_cast<std::size_t>(r * n + r)] = r == 1 ? -1.0F : 1.0F;
    EXPECT_FALSE(factorize(matrix.data(), n, n));
  }
}

FactorTable table_of_rank(const Communicator& comm, const Partition& partition, Count k) {
  FactorTable table;
  table.rows = partition.range(comm.rank());
  table.num_columns = k;
  for (Count row = table.rows.begin; row < table.rows.end; ++row) {
    const RandomStream random(3, static_cast<std::uint64_t>(row));
    // Rows of very different size: a grid that is too coarse or too fine for some would show.
    const double size = std::ldexp(1.0, static_cast<int>(row % 20) - 10);
    for (Count c = 0; c < k; ++c) {
      table.values.push_back(static_cast<float>(size * random.normal(static_cast<std::uint64_t>(c))));
    }
  }
  return table;
}

TEST(GramMatrix, IsTheDenseProductWithTheSameBitsOnAnyRanks) {
  constexpr Count k = 9;
  const Communicator alone = world().split(world().rank(), 0);
  for (const Count num_rows : {0, 1, 5, 700, 1500}) {
    const Partition together = Partition::even(num_rows, world().size()),
                    whole = Partition::even(num_rows, 1);
    const FactorTable all = table_of_rank(alone, whole, k);
    const auto gram = gram_matrix(world(), table_of_rank(world(), together, k), num_rows);
    EXPECT_EQ(gram, gram_matrix(alone, all, num_rows));
    const Matrix dense =
        Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(all.values.data(), num_rows, k)
            .cast<double>();
    const Matrix expected = dense.transpose() * dense;
    EXPECT_LE((Eigen::Map<const Matrix>(gram.data(), k, k) - expected).norm(), 1e-6 * expected.norm());
  }
}

TEST(GramMatrix, IsNotFiniteIfARowIsNot) {
  const Partition rows = Partition::even(8, world().size());
  FactorTable table = table_of_rank(world(), rows, 2);
  if (table.rows.contains(7)) table.values.back() = NAN;
  const auto gram = gram_matrix(world(), table, 8);
  EXPECT_FALSE(std::isfinite(gram.front()));
  EXPECT_THROW(eigenbasis(world(), gram, 2), NumericError);
}

TEST(Eigenbasis, MakesTheGramMatrixDiagonalAndKeepsLengths) {
  constexpr Count k = 12, num_rows = 300;
  const Partition partition = Partition::even(num_rows, world().size());
  FactorTable table = table_of_rank(world(), partition, k);
  const auto before = gram_matrix(world(), table, num_rows);
  const Eigenbasis basis = eigenbasis(world(), before, k);
  rotate(table, basis, num_rows);
  const auto after = gram_matrix(world(), table, num_rows);
  const double largest = basis.eigenvalues.back();
  double trace_before = 0, trace_after = 0;
  for (Count row = 0; row < k; ++row) {
    trace_before += before[static_cast<std::size_t>(row * k + row)];
    trace_after += after[static_cast<std::size_t>(row * k + row)];
    for (Count column = 0; column < k; ++column) {
      const double expected = row == column ? basis.eigenvalues[static_cast<std::size_t>(row)] : 0.0;
      EXPECT_NEAR(after[static_cast<std::size_t>(row * k + column)], expected, 1e-5 * largest);
    }
  }
  EXPECT_NEAR(trace_after, trace_before, 1e-5 * trace_before);
}

}  // namespace
}  // namespace pushcart::als::als_dense_test
