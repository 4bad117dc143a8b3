#include "topn/quantize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "pushcart/base/random.hpp"

namespace pushcart::test {
namespace {

TEST(Quantize, NormsAreUpperBoundsAndTight) {
  for (const double size : {1e-44, 1e-20, 1.0, 1e30}) {
    for (const int levels : {63, 127}) {
      std::vector<double> row(37);
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = RandomStream(3, 1).normal(i) * size;
      const double scale = detail::scale_for(detail::largest_magnitude(row), levels);
      std::vector<std::int8_t> codes(row.size());
      const auto result = detail::quantize(row, scale, levels, codes.data());
      long double norm = 0, code_norm = 0, error = 0;
      int sum = 0, largest = 0;
      for (std::size_t i = 0; i < row.size(); ++i) {
        const long double value = row[i], code = static_cast<long double>(scale) * codes[i];
        norm += value * value;
        code_norm += code * code;
        error += (value - code) * (value - code);
        sum += codes[i];
        largest = std::max(largest, std::abs(static_cast<int>(codes[i])));
        EXPECT_LE(std::fabs(value - code), 0.5001L * scale);
      }
      EXPECT_EQ(largest, levels);
      EXPECT_EQ(result.sum, sum);
      for (const auto& [given, exact] : {std::pair{result.norm, std::sqrt(norm)},
                                         {result.code_norm, std::sqrt(code_norm)},
                                         {result.error, std::sqrt(error)}}) {
        EXPECT_GE(given, exact);
        EXPECT_LE(given, exact * (1 + 1e-8L));
      }
    }
  }
}

TEST(Quantize, LeavesZeroRowsAndOneColumnExact) {
  std::vector<std::int8_t> codes(3, 9);
  const auto zero =
      detail::quantize(std::vector<double>(3, 0.0), detail::scale_for(0, 127), 127, codes.data());
  EXPECT_EQ(codes, (std::vector<std::int8_t>{0, 0, 0}));
  EXPECT_EQ(zero.norm + zero.code_norm + zero.error, 0);
  const std::vector<double> one{-2.5};
  const auto result = detail::quantize(one, detail::scale_for(2.5, 127), 127, codes.data());
  EXPECT_EQ(codes[0], -127);
  EXPECT_NEAR(result.error, 0, 1e-15);
}

TEST(Quantize, NotANumberShowsInTheNorms) {
  std::vector<std::int8_t> codes(2);
  const std::vector<double> row{1.0, NAN};
  EXPECT_TRUE(std::isnan(detail::largest_magnitude(row)));
  EXPECT_TRUE(std::isnan(detail::quantize(row, 1.0, 127, codes.data()).norm));
}

}  // namespace
}  // namespace pushcart::test
