#include "features/quantiles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

TEST(Quantiles, AreThoseOfTheSortedColumn) {
  const std::vector<double> probabilities{0, 0.01, 0.2, 0.5, 0.9, 0.999, 1};
  RandomStream random(5, 1);
  std::vector<std::vector<float>> columns(4);
  for (int n = 0; n < 997; ++n) {
    columns[0].push_back(static_cast<float>(random.next_uniform() - 0.5) * 1e6F);
    columns[1].push_back(static_cast<float>(random.next_below(3)));  // ties
    columns[2].push_back(n % 2 == 0 ? -0.0F : 0.0F);
  }
  columns[3] = {3.5F};
  std::vector<detail::SortedColumn> mine(5);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    for (std::size_t n = 0; n < columns[c].size(); ++n) {
      if (static_cast<int>(n * n % 11) % world().size() == world().rank()) mine[c].add(columns[c][n]);
    }
    mine[c].add(NAN);
    mine[c].sort();
  }
  const auto found = detail::quantiles(world(), mine, probabilities);
  ASSERT_EQ(found.size(), 5 * probabilities.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::sort(columns[c].begin(), columns[c].end());
    for (std::size_t p = 0; p < probabilities.size(); ++p) {
      const auto size = static_cast<double>(columns[c].size());
      const auto rank = std::max(1.0, std::ceil(probabilities[p] * size));
      EXPECT_EQ(found[c * probabilities.size() + p], columns[c][static_cast<std::size_t>(rank) - 1])
          << c << ' ' << p;
    }
  }
  for (std::size_t p = 0; p < probabilities.size(); ++p)
    EXPECT_TRUE(std::isnan(found[4 * probabilities.size() + p]));
}

}  // namespace
}  // namespace pushcart::test
