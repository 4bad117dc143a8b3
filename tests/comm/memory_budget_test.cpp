#include "pushcart/comm/memory_budget.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/error.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

/// Ranks do not plan the same steps, nor equally many.
MemoryPlan plan_of(int rank) {
  MemoryPlan plan;
  plan.add("rows", 100 + rank);
  if (rank % 2 == 0) {
    plan.add("vectors", 10 * (rank + 1));
  } else {
    plan.add("weights", 7);
    plan.add("sums", 1000 - rank);
  }
  return plan;
}

TEST(MemoryBudget, PartsOfDifferentNamesAreToldByTheirLargest) {
  const Count last = world().size() - 1;
  const auto parts = largest_parts(world(), plan_of(world().rank()));
  ASSERT_EQ(parts.size(), last > 0 ? 4U : 2U);
  EXPECT_EQ(parts[0].what, "rows");
  EXPECT_EQ(parts[0].num_bytes, 100 + last);
  EXPECT_EQ(parts[1].what, "vectors");
  EXPECT_EQ(parts[1].num_bytes, 10 * (last / 2 * 2 + 1));
  if (last == 0) return;
  EXPECT_EQ(parts[2].what, "weights");
  EXPECT_EQ(parts[2].num_bytes, 7);
  EXPECT_EQ(parts[3].what, "sums");
  EXPECT_EQ(parts[3].num_bytes, 999);
}

TEST(MemoryBudget, ANameThatComesTwiceIsTwoParts) {
  MemoryPlan plan;
  plan.add("model", 5);
  plan.add("model", 3 + world().rank());
  const auto parts = largest_parts(world(), plan);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].num_bytes, 5);
  EXPECT_EQ(parts[1].num_bytes, 2 + world().size());
}

TEST(MemoryBudget, APlanOverTheBudgetIsRefusedOnAllRanks) {
  const MemoryPlan plan = plan_of(world().rank());
  const Count fullest = world().allreduce(plan.total_bytes(), Reduce::max);
  EXPECT_NO_THROW(announce_memory(world(), "test", plan, fullest));
  EXPECT_THROW(announce_memory(world(), "test", plan, fullest - 1), ConfigError);
}

}  // namespace
}  // namespace pushcart
