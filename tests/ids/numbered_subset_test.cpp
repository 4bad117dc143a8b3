#include "ids/numbered_subset.hpp"

#include <gtest/gtest.h>

#include <set>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart::test {
namespace {

void expect_same(Count limit, const std::vector<Count>& members) {
  const NumberedSubset subset(limit, members);
  const std::set<Count> expected(members.begin(), members.end());
  EXPECT_EQ(subset.size(), static_cast<Count>(expected.size()));
  EXPECT_EQ(subset.members(), std::vector<Count>(expected.begin(), expected.end()));
  Count below = 0;
  for (Count number = -1; number <= limit; ++number) {
    ASSERT_EQ(subset.contains(number), expected.contains(number)) << number;
    if (!expected.contains(number)) continue;
    ASSERT_EQ(subset.position(number), below++) << number;
  }
}

TEST(NumberedSubset, NumbersWhatASetHolds) {
  expect_same(0, {});
  expect_same(1, {});
  expect_same(1, {0, 0});
  expect_same(64, {63});
  expect_same(65, {64, 0, 63, 64});
  RandomStream random(3, 0);
  for (const Count limit : {7, 63, 64, 65, 200, 1000}) {
    for (const double share : {0.02, 0.5, 2.0}) {
      std::vector<Count> members;
      for (Count n = 0; n < static_cast<Count>(share * static_cast<double>(limit)); ++n) {
        members.push_back(static_cast<Count>(random.next_uniform() * static_cast<double>(limit)));
      }
      expect_same(limit, members);
    }
  }
}

TEST(NumberedSubset, KnowsOnlyItsOwn) {
  const NumberedSubset subset(100, std::vector<Count>{5, 70});
  EXPECT_THROW(subset.position(6), InternalError);
  EXPECT_THROW(subset.position(-1), InternalError);
  EXPECT_THROW(NumberedSubset(100, std::vector<Count>{100}), InternalError);
}

}  // namespace
}  // namespace pushcart::test
