#include "eval/bootstrap.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "pushcart/base/random.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using detail::BootstrapSums;

struct UserRows {
  std::vector<std::uint64_t> keys;
  std::vector<double> table;
};

constexpr std::size_t width = 3;  // 1, a metric in [0, 1], a large sum

/// Users [0, num_users) dealt out so that rank r of `stride` holds every stride-th.
UserRows users_of(Count num_users, int first, int stride) {
  UserRows rows;
  for (Count user = first; user < num_users; user += stride) {
    const RandomStream random(5, static_cast<std::uint64_t>(user));
    rows.keys.push_back(hash_text("user " + std::to_string(user)));
    rows.table.insert(rows.table.end(), {1.0, random.uniform(0), 1e3 * random.uniform(1)});
  }
  return rows;
}

/// Straight from the definition: the weight of (user, replicate) by inverting the Poisson distribution.
std::vector<double> plain_replicates(const UserRows& all, Count replicates, std::uint64_t seed) {
  std::vector<double> sums(static_cast<std::size_t>(replicates) * width, 0);
  for (std::size_t u = 0; u < all.keys.size(); ++u) {
    const RandomStream stream(seed, all.keys[u]);
    for (std::size_t b = 0; b < static_cast<std::size_t>(replicates); ++b) {
      const std::uint64_t bits = stream.bits(b / 2);
      const double uniform = static_cast<double>(b % 2 == 0 ? bits & 0xffffffffULL : bits >> 32) * 0x1p-32;
      int weight = 0;
      double term = std::exp(-1.0), cumulative = term;
      while (uniform >= cumulative && weight < 13) {
        ++weight;
        term /= weight;
        cumulative += term;
      }
      for (std::size_t c = 0; c < width; ++c) sums[b * width + c] += weight * all.table[u * width + c];
    }
  }
  return sums;
}

TEST(Bootstrap, EqualsAPlainVersionWithTheSameWeights) {
  const UserRows mine = users_of(300, world().rank(), world().size());
  const UserRows all = users_of(300, 0, 1);
  for (Count replicates : {1, 7, 100}) {
    const BootstrapSums sums = detail::bootstrap_sums(world(), mine.keys, mine.table, width, replicates, 11);
    const auto expected = plain_replicates(all, replicates, 11);
    ASSERT_EQ(sums.replicates.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(sums.replicates[i], expected[i], 1e-9 * std::max(1.0, expected[i]));
    }
    EXPECT_EQ(sums.point[0], 300);
  }
}

TEST(Bootstrap, GivesTheSameBitsOnAnyRanksAndThreads) {
  const UserRows mine = users_of(500, world().rank(), world().size());
  const BootstrapSums spread = detail::bootstrap_sums(world(), mine.keys, mine.table, width, 64, 3);
  // All users on the last rank, in another order, on two threads.
  UserRows one;
  if (world().rank() == world().size() - 1) {
    for (int first = 6; first >= 0; --first) {
      const UserRows part = users_of(500, first, 7);
      one.keys.insert(one.keys.end(), part.keys.begin(), part.keys.end());
      one.table.insert(one.table.end(), part.table.begin(), part.table.end());
    }
  }
  const int before = omp_get_max_threads();
  omp_set_num_threads(2);
  const BootstrapSums gathered = detail::bootstrap_sums(world(), one.keys, one.table, width, 64, 3);
  omp_set_num_threads(before);
  EXPECT_EQ(spread.replicates, gathered.replicates);
  EXPECT_EQ(spread.point, gathered.point);
}

TEST(Bootstrap, DrawsPoissonWeights) {
  std::vector<double> share(14, 0);
  const RandomStream random(1, 2);
  constexpr int draws = 1 << 20;
  for (int i = 0; i < draws; ++i) {
    share[static_cast<std::size_t>(detail::poisson_weight(
        static_cast<std::uint32_t>(random.bits(static_cast<std::uint64_t>(i)))))] += 1.0 / draws;
  }
  double expected = std::exp(-1.0);
  for (std::size_t k = 0; k < 8; ++k) {
    EXPECT_NEAR(share[k], expected, 5 * std::sqrt(expected / draws)) << k;
    expected /= static_cast<double>(k + 1);
  }
  EXPECT_EQ(detail::poisson_weight(0), 0);
  EXPECT_LE(detail::poisson_weight(0xffffffffU), 13);
}

TEST(Bootstrap, IntervalIsThatOfTheMean) {
  // 95 % of the mean of n uniform numbers: 0.5 +- 1.96 sqrt(1 / 12 n).
  const UserRows mine = users_of(4000, world().rank(), world().size());
  const BootstrapSums sums = detail::bootstrap_sums(world(), mine.keys, mine.table, width, 1000, 1);
  const auto interval =
      detail::percentile_interval(sums, [](std::span<const double> s) { return s[1] / s[0]; });
  ASSERT_TRUE(interval);
  const double half = 1.96 * std::sqrt(1.0 / 12 / 4000);
  EXPECT_NEAR(interval->high - interval->low, 2 * half, 0.2 * half);
  EXPECT_NEAR((interval->high + interval->low) / 2, sums.point[1] / sums.point[0], 0.2 * half);
}

TEST(Bootstrap, LeavesOutReplicatesWithoutUsers) {
  const UserRows mine = world().is_root() ? users_of(1, 0, 1) : UserRows{};
  const BootstrapSums sums = detail::bootstrap_sums(world(), mine.keys, mine.table, width, 200, 1);
  const auto interval =
      detail::percentile_interval(sums, [](std::span<const double> s) { return s[1] / s[0]; });
  ASSERT_TRUE(interval);
  const double only = users_of(1, 0, 1).table[1];
  EXPECT_NEAR(interval->low, only, 1e-12);
  EXPECT_NEAR(interval->high, only, 1e-12);
  const BootstrapSums none = detail::bootstrap_sums(world(), mine.keys, mine.table, width, 0, 1);
  EXPECT_FALSE(detail::percentile_interval(none, [](std::span<const double> s) { return s[1]; }));
}

TEST(Bootstrap, PercentilesLieBetweenOrderStatistics) {
  BootstrapSums sums;
  sums.point = {0};
  for (int i = 40; i >= 0; --i) sums.replicates.push_back(i);  // 0 .. 40: positions 1 and 39
  const auto interval =
      detail::percentile_interval(sums, [](std::span<const double> s) { return s[0] * s[0]; });
  EXPECT_DOUBLE_EQ(interval->low, 1);
  EXPECT_DOUBLE_EQ(interval->high, 39 * 39);
}

}  // namespace
}  // namespace pushcart::test
