#include "topn/code_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

/// Columns whose magnitudes differ by 2^12 on one side, and fall on the other.
FillCell uneven_cells(std::uint64_t seed, double growth) {
  return [=](Count row, Count column) {
    return static_cast<float>(static_cast<double>(normal_cells(seed)(row, column)) *
                              std::exp2(growth * static_cast<double>(column % 13)));
  };
}

long double product(std::span<const double> x, std::span<const double> y) {
  long double sum = 0;
  for (std::size_t c = 0; c < x.size(); ++c) sum += static_cast<long double>(x[c]) * y[c];
  return sum;
}

double largest_of(std::span<const double> x) {
  double largest = 0;
  for (double value : x) largest = std::max(largest, std::fabs(value));
  return largest;
}

TEST(CodeBasis, KeepsProductsAndSpreadsWhatIsLarge) {
  for (const Count k : {1, 2, 7, 64, 100}) {
    SCOPED_TRACE(k);
    const Range rows = Partition::even(40, world().size()).range(world().rank());
    const FactorTable users = filled_table(rows, k, uneven_cells(1, 1.0));
    const FactorTable items = filled_table(rows, k, uneven_cells(2, -0.5));
    const detail::CodeBasis basis(world(), users, items);
    std::vector<double> x(static_cast<std::size_t>(k)), y(x), plain_x(x), plain_y(y);
    for (Count row = rows.begin; row < rows.end; ++row) {
      const auto user = users.row(row - rows.begin), item = items.row(row - rows.begin);
      basis.transform_row(user, x.data());
      basis.transform_item(item, y.data());
      plain_x.assign(user.begin(), user.end());
      plain_y.assign(item.begin(), item.end());
      const long double norms = std::sqrt(product(x, x) * product(y, y));
      EXPECT_NEAR(static_cast<double>(product(x, y) - product(plain_x, plain_y)), 0,
                  static_cast<double>(norms) * 1e-14);
      EXPECT_NEAR(basis.item_norm(item), static_cast<double>(std::sqrt(product(y, y))),
                  1e-13 * basis.item_norm(item));
      // Bounds are products of norms: balancing makes them smaller where columns are uneven.
      if (k >= 64) {
        EXPECT_LT(norms, 0.9L * std::sqrt(product(plain_x, plain_x) * product(plain_y, plain_y)));
        EXPECT_LT(largest_of(y), 0.6 * basis.item_norm(item));
      }
    }
  }
}

TEST(CodeBasis, TakesZeroAndInfiniteColumns) {
  const Range rows = Partition::even(10, world().size()).range(world().rank());
  const auto cells = [](Count, Count column) { return column == 0 ? 0.0F : column == 1 ? HUGE_VALF : 2.0F; };
  const FactorTable users = filled_table(rows, 3, cells);
  const FactorTable items = filled_table(rows, 3, [](Count, Count) { return 0.5F; });
  const detail::CodeBasis basis(world(), users, items);
  const std::vector<float> row{1.0F, 1.0F, 1.0F};
  std::vector<double> x(3), y(3);
  basis.transform_row(row, x.data());
  basis.transform_item(row, y.data());
  EXPECT_NEAR(static_cast<double>(product(x, y)), 3, 1e-14);
}

}  // namespace
}  // namespace pushcart::test
