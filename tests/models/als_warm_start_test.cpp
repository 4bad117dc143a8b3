#include <gtest/gtest.h>

#include <algorithm>

#include "pushcart/models/als.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als_warm_start_test {
namespace {

using test::world;

Dataset some_dataset() {
  return test::small_dataset(world(), {.num_users = 40, .num_items = 30, .types = {}});
}

AlsConfig some_config(int sweeps) {
  AlsConfig config;
  config.k = 5;
  config.sweeps = sweeps;
  config.solver = AlsSolver::exact;  // looks at the fixed side only, so that a start is all that it goes by
  return config;
}

Model trained(const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  return train_als(world(), dataset, config, {}, phases).model;
}

TEST(AlsWarmStart, GoesOnWhereTheOtherModelStopped) {
  const Dataset dataset = some_dataset();
  const Model first = trained(dataset, some_config(3));
  AlsConfig config = some_config(2);
  config.start = &first;
  const Model warm = trained(dataset, config), whole = trained(dataset, some_config(5));
  EXPECT_EQ(warm.user_factors.values, whole.user_factors.values);
  EXPECT_EQ(warm.item_factors.values, whole.item_factors.values);
  EXPECT_TRUE(dataset.item_ids.size() == 0 || warm.item_factors.values != first.item_factors.values);
}

TEST(AlsWarmStart, RowsItDoesNotKnowHaveStartValues) {
  const Dataset dataset = some_dataset();
  const Model cold = trained(dataset, some_config(2));
  Model nothing = cold;
  std::fill(nothing.user_factors.values.begin(), nothing.user_factors.values.end(), 0.0F);
  std::fill(nothing.item_factors.values.begin(), nothing.item_factors.values.end(), 0.0F);
  AlsConfig config = some_config(2);
  config.start = &nothing;
  EXPECT_EQ(trained(dataset, config).item_factors.values, cold.item_factors.values);
}

TEST(AlsWarmStart, IsRefusedWithAnotherNumberOfFactors) {
  const Dataset dataset = some_dataset();
  const Model first = trained(dataset, some_config(1));
  AlsConfig config = some_config(1);
  config.k = 6;
  config.start = &first;
  EXPECT_THROW(trained(dataset, config), ConfigError);
}

}  // namespace
}  // namespace pushcart::als_warm_start_test
