#include "pushcart/models/popular.hpp"

#include <gtest/gtest.h>

#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::popular_test {
namespace {

using test::world;

constexpr std::int64_t day = 86'400, now = 1'700'000'000;

/// Item 0 has three users, item 1 one, item 2 none; the last event is at `now`.
Dataset by_hand() {
  return test::dataset_of(world(), 4, 3,
                          {{0, 0, now, 2.0F},
                           {1, 0, now - 10 * day, 4.0F},
                           {3, 0, now - 20 * day, 8.0F},
                           {3, 1, now - 5 * day, 0.5F}});
}

std::vector<float> scores(const Dataset& dataset, const PopularConfig& config) {
  return test::all_rows(world(), train_popular(world(), dataset, config).item_bias);
}

TEST(Popular, CountsUsers) {
  EXPECT_EQ(scores(by_hand(), {}), (std::vector<float>{3, 1, 0}));
}

TEST(Popular, SumsStrengths) {
  EXPECT_EQ(scores(by_hand(), {.measure = PopularMeasure::strength}), (std::vector<float>{14, 0.5F, 0}));
}

TEST(Popular, HalvesWithAge) {
  // Ages 0, 10 and 20 days weigh 1, 1/2 and 1/4; 5 days weigh 2^-1/2.
  const auto strengths = scores(by_hand(), {.measure = PopularMeasure::strength, .half_life_days = 10});
  EXPECT_FLOAT_EQ(strengths[0], 2 + 2 + 2);
  EXPECT_FLOAT_EQ(strengths[1], 0.5F * 0.70710678F);
  EXPECT_EQ(strengths[2], 0.0F);
  const auto users = scores(by_hand(), {.measure = PopularMeasure::users, .half_life_days = 10});
  EXPECT_FLOAT_EQ(users[0], 1.75F);
  EXPECT_FLOAT_EQ(users[1], 0.70710678F);
  EXPECT_EQ(users[2], 0.0F);
}

TEST(Popular, CountsTheWeightedEventTypesOnly) {
  const Dataset dataset =
      test::small_dataset(world(), {.seed = 5, .types = {"buy", "view"}, .has_times = true});
  std::vector<double> buyers(30, 0), strength(30, 0);
  for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
    for (Count entry = dataset.by_user.offsets[static_cast<std::size_t>(row)];
         entry < dataset.by_user.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      const auto at = static_cast<std::size_t>(entry),
                 item = static_cast<std::size_t>(dataset.by_user.columns[at]);
      for (const EventColumn& events : dataset.events) {
        if (events.type != "buy" || events.strength[at] == 0) continue;
        buyers[item] += 1;
        strength[item] += 3 * static_cast<double>(events.strength[at]);
      }
    }
  }
  world().allreduce(std::span(buyers), Reduce::sum);
  world().allreduce(std::span(strength), Reduce::sum);
  const auto counted = scores(dataset, {.event_weights = {{"buy", 3.0}}});
  const auto summed = scores(dataset, {.measure = PopularMeasure::strength, .event_weights = {{"buy", 3.0}}});
  ASSERT_EQ(counted.size(), buyers.size());
  for (std::size_t item = 0; item < buyers.size(); ++item) {
    EXPECT_EQ(counted[item], buyers[item]);
    EXPECT_NEAR(summed[item], strength[item], 1e-4);
  }
}

TEST(Popular, IsTheSameForEveryUser) {
  const Model model = train_popular(world(), by_hand(), {});
  EXPECT_EQ(model.family, "popular");
  EXPECT_TRUE(model.user_factors.empty());
  EXPECT_TRUE(model.item_factors.empty());
  EXPECT_FALSE(model.item_weights.has_value());
}

TEST(Popular, RefusesWhatMakesNoSense) {
  EXPECT_THROW(train_popular(world(), by_hand(), {.half_life_days = -1}), ConfigError);
  EXPECT_THROW(train_popular(world(), by_hand(), {.event_weights = {{"sold", 1.0}}}), ConfigError);
  const Dataset without_times = test::dataset_of(world(), 1, 1, {{0, 0, 0, 1.0F}});
  EXPECT_THROW(train_popular(world(), without_times, {.half_life_days = 3}), ConfigError);
}

}  // namespace
}  // namespace pushcart::popular_test
