#include "pushcart/rerank/booster.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart {
namespace {

/// Groups of ten rows of which the one with the largest first number is wanted; the second number is noise,
/// and missing in every third row.
RankingTable largest_first(Count num_groups, std::uint64_t seed) {
  RankingTable table;
  table.num_columns = 2;
  RandomStream random(seed, 0);
  for (Count group = 0; group < num_groups; ++group) {
    std::vector<float> first;
    for (int row = 0; row < 10; ++row) {
      first.push_back(static_cast<float>(random.next_uniform()));
      const auto noise = static_cast<float>(random.next_uniform());
      table.values.insert(table.values.end(), {first.back(), row % 3 == 0 ? NAN : noise});
    }
    const float largest = *std::max_element(first.begin(), first.end());
    for (const float value : first) table.labels.push_back(value == largest ? 1.0F : 0.0F);
    table.group_sizes.push_back(10);
  }
  return table;
}

/// Share of the groups whose wanted row has the highest prediction.
double share_of_first(const RankingTable& table, std::span<const float> predictions) {
  double hits = 0;
  for (std::size_t begin = 0; begin < predictions.size(); begin += 10) {
    const auto best = std::max_element(predictions.begin() + static_cast<std::ptrdiff_t>(begin),
                                       predictions.begin() + static_cast<std::ptrdiff_t>(begin) + 10);
    hits += static_cast<double>(table.labels[static_cast<std::size_t>(best - predictions.begin())]);
  }
  return hits / static_cast<double>(table.group_sizes.size());
}

BoosterConfig small_config() {
  BoosterConfig config;
  config.max_trees = 60;
  config.patience = 10;
  config.tree_depth = 3;
  return config;
}

TrainedBooster trained(const RankingTable& train, const RankingTable& validation,
                       const BoosterConfig& config) {
  return Booster::train(train, validation, config,
                        [&](std::span<const float> scores) { return share_of_first(validation, scores); });
}

class BoosterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Booster::is_built_in()) GTEST_SKIP() << "built without XGBoost";
  }
};

TEST_F(BoosterTest, LearnsWhatGoesFirst) {
  const RankingTable train = largest_first(300, 1), validation = largest_first(100, 2),
                     test = largest_first(200, 3);
  const TrainedBooster trees = trained(train, validation, small_config());
  const Booster booster(trees.bytes, 2);
  EXPECT_GT(share_of_first(test, booster.predict(test.values)), 0.8);
  EXPECT_GT(trees.gain_shares[0], 0.8);
  EXPECT_NEAR(trees.gain_shares[0] + trees.gain_shares[1], 1, 1e-6);
}

TEST_F(BoosterTest, KeepsTheTreesThatWereBestInValidation) {
  const RankingTable train = largest_first(100, 1), validation = largest_first(50, 2);
  const TrainedBooster trees = trained(train, validation, small_config());
  const auto best = std::max_element(trees.validation.begin(), trees.validation.end());
  EXPECT_EQ(trees.num_trees, best - trees.validation.begin() + 1);
  EXPECT_EQ(share_of_first(validation, Booster(trees.bytes, 2).predict(validation.values)), *best);
}

TEST_F(BoosterTest, HasTheSameBitsOnAnyNumberOfThreads) {
  const RankingTable train = largest_first(200, 1), validation = largest_first(50, 2);
  const int before = omp_get_max_threads();
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<std::vector<float>> predictions;
  for (const int threads : {1, 3}) {
    omp_set_num_threads(threads);
    const TrainedBooster trees = trained(train, validation, small_config());
    bytes.push_back(trees.bytes);
    predictions.push_back(Booster(trees.bytes, 2).predict(validation.values));
    EXPECT_EQ(omp_get_max_threads(), threads) << "the library has changed the number of threads";
  }
  omp_set_num_threads(before);
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_EQ(predictions[0], predictions[1]);
}

TEST_F(BoosterTest, PredictsARowTheSameWhateverIsBesideIt) {
  const RankingTable train = largest_first(100, 1), validation = largest_first(50, 2);
  const TrainedBooster trees = trained(train, validation, small_config());
  const Booster booster(trees.bytes, 2);
  const std::vector<float> all = booster.predict(validation.values);
  for (std::size_t row = 0; row < all.size(); row += 7) {
    EXPECT_EQ(booster.predict(std::span(validation.values).subspan(2 * row, 2)),
              std::vector<float>{all[row]});
  }
  EXPECT_TRUE(booster.predict({}).empty());
}

TEST_F(BoosterTest, RefusesWhatAreNoTreesOrOnesOfOtherColumns) {
  const RankingTable train = largest_first(50, 1), validation = largest_first(20, 2);
  TrainedBooster trees = trained(train, validation, small_config());
  EXPECT_THROW(Booster(trees.bytes, 3), InputError);
  trees.bytes.resize(trees.bytes.size() / 2);
  EXPECT_THROW(Booster(trees.bytes, 2), InputError);
  EXPECT_THROW(Booster({}, 2), InputError);
}

TEST_F(BoosterTest, RefusesSettingsOutOfRange) {
  BoosterConfig config;
  config.tree_depth = 0;
  EXPECT_THROW(check_config(config), ConfigError);
  config = {};
  config.learning_rate = 0;
  EXPECT_THROW(check_config(config), ConfigError);
  config = {};
  config.row_share = 1.5;
  EXPECT_THROW(check_config(config), ConfigError);
  EXPECT_THROW(rank_objective_of("map"), ConfigError);
  EXPECT_NO_THROW(check_config(BoosterConfig{}));
}

}  // namespace
}  // namespace pushcart
