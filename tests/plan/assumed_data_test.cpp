#include "pushcart/plan/assumed_data.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/plan/allocation.hpp"

namespace pushcart::test {
namespace {

AssumedData counts(Count users, Count items, Count pairs) {
  AssumedData data;
  data.users = users;
  data.items = items;
  data.pairs = data.log_lines = pairs;
  return data;
}

TEST(AssumedRows, SharesOutAllEntriesInTheStatedProportion) {
  for (const double exponent : {0.0, 0.6, 1.0, 1.3}) {
    const AssumedRows rows(1000, 50000, exponent);
    EXPECT_NEAR(rows.entries(0, 1000), 50000, 1e-6);
    EXPECT_NEAR(rows.entries(0, 300) + rows.entries(300, 1000), 50000, 1e-6);
    // A row's share is the mean of (x + 5)^-exponent over it.
    EXPECT_NEAR(rows.length(400) / rows.length(900), std::pow(405.5 / 905.5, -exponent), 1e-4);
  }
}

TEST(AssumedRows, DistinctRowsAreThoseOfADirectSum) {
  const AssumedRows rows(5000, 100000, 0.8);
  double expected = 0;
  for (Count row = 1000; row < 5000; ++row) expected += 1 - std::exp(-2000 * rows.length(row) / 100000);
  EXPECT_NEAR(rows.distinct(2000, 1000, 5000), expected, 0.002 * expected);
}

TEST(AssumeParts, PartsMakeUpTheWhole) {
  const auto parts = assume_parts(counts(40000, 9000, 800000), AlsConfig{}, 5);
  Count users = 0, items = 0, by_user = 0, by_item = 0;
  for (const AssumedPart& part : parts) {
    users += part.als.users.rows;
    items += part.als.items.rows;
    by_user += part.als.users.entries;
    by_item += part.als.items.entries;
    EXPECT_LE(part.als.users.remote_columns, 9000 - part.als.items.rows);
    EXPECT_GT(part.als.users.remote_columns, 0);
  }
  EXPECT_EQ(users, 40000);
  EXPECT_EQ(items, 9000);
  EXPECT_NEAR(static_cast<double>(by_user), 800000, 5);
  EXPECT_NEAR(static_cast<double>(by_item), 800000, 5);
}

TEST(AssumedData, IsRefusedWhereNoDataSetIsLikeIt) {
  EXPECT_THROW(check(counts(0, 10, 10)), ConfigError);
  EXPECT_THROW(check(counts(10, 0, 10)), ConfigError);
  EXPECT_THROW(check(counts(10, 10, 0)), ConfigError);
  EXPECT_THROW(check(counts(10, 10, 101)), ConfigError);
  EXPECT_NO_THROW(check(counts(10, 10, 100)));
}

TEST(FewestNodes, AreFoundAndRefusedWithTheReason) {
  for (Count wanted : {1, 2, 3, 5, 31, 32, 33, 64}) {
    const auto keeps = [&](Count nodes) {
      return nodes >= wanted ? std::nullopt : std::optional<std::string>("too few");
    };
    EXPECT_EQ(fewest_nodes(64, keeps), wanted);
  }
  try {
    fewest_nodes(64, [](Count) { return std::optional<std::string>("it takes 9 s"); });
    FAIL() << "nothing was refused";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("it takes 9 s"), std::string::npos);
  }
}

}  // namespace
}  // namespace pushcart::test
