#include "pushcart/eval/learn_blend.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::small_dataset;
using test::SmallDataset;
using test::world;

/// Knows which items go with the tastes 0, 1 and 2 but one, or takes them for those of the next taste (shift
/// 1), and some noise.
Model half_informed(const Communicator& comm, const Dataset& dataset, Count unknown_taste, Count shift,
                    std::uint64_t seed) {
  constexpr Count k = 4;  // tastes 0, 1, 2 and noise
  Model model;
  model.family = "test";
  model.users = dataset.users;
  model.items = dataset.items;
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  model.user_factors = {users, k, {}};
  model.item_factors = {items, k, {}};
  for (Count user = users.begin; user < users.end; ++user) {
    for (Count c = 0; c < k; ++c)
      model.user_factors.values.push_back(c + 1 == k || user % 3 == c ? 1.0F : 0.0F);
  }
  for (Count item = items.begin; item < items.end; ++item) {
    RandomStream random(seed, static_cast<std::uint64_t>(item));
    for (Count c = 0; c + 1 < k; ++c)
      model.item_factors.values.push_back((item + shift) % 3 == c && c != unknown_taste ? 1.0F : 0.0F);
    model.item_factors.values.push_back(static_cast<float>(0.2 * random.next_uniform()));
  }
  return model;
}

/// Users have all items that are like them modulo 3, so what is held out is what they like and have not seen.
/// One model knows it of tastes 1 and 2, one of 0 and 2, one is wrong.
struct Case {
  explicit Case(const Communicator& comm) {
    std::vector<Interaction> pairs;
    for (Count user = 0; user < 60; ++user) {
      for (Count item = user % 3; item < 60; item += 3) {
        pairs.push_back({user, item, 0, 1.0F});
      }
    }
    dataset = test::dataset_of(comm, 60, 60, pairs);
    split = hold_out(comm, dataset, {SplitKind::random, 0.3, 1, 5});
    models = {half_informed(comm, dataset, 0, 0, 1), half_informed(comm, dataset, 1, 0, 2),
              half_informed(comm, dataset, 3, 1, 3)};
  }
  BlendWeights learn(const Communicator& comm, const BlendConfig& config) const {
    std::vector<const Model*> pointers;
    for (const Model& model : models) pointers.push_back(&model);
    PhaseLog phases;
    return learn_blend(comm, pointers, split, config, phases);
  }
  Dataset dataset;
  Split split;
  std::vector<Model> models;
};

TEST(LearnBlend, FindsWeightsThatBeatEqualOnes) {
  const Case test(world());
  BlendConfig config;
  config.n = 5;
  config.candidates = 6;
  const BlendWeights learned = test.learn(world(), config);
  ASSERT_EQ(learned.by_segment.size(), 1u);
  const auto& weights = learned.by_segment[0];
  EXPECT_GT(learned.metric[0], learned.equal_metric[0]);
  EXPECT_LT(weights[2], 0.9);
  EXPECT_GT(weights[0], 0.0);
  EXPECT_GT(weights[1], 0.0);
  EXPECT_EQ(*std::max_element(weights.begin(), weights.end()), 1.0);
}

TEST(LearnBlend, IsTheSameForAnyNumberOfRanks) {
  BlendConfig config;
  config.n = 5;
  config.candidates = 20;
  config.max_users = 40;
  config.segment_bounds = {4, 6};
  const BlendWeights together = Case(world()).learn(world(), config);
  const auto one = world().split(world().rank(), 0);
  const BlendWeights alone = Case(one).learn(one, config);
  EXPECT_EQ(together.by_segment, alone.by_segment);
  EXPECT_EQ(together.metric, alone.metric);
  EXPECT_EQ(together.num_users, alone.num_users);
  ASSERT_EQ(alone.num_users.size(), 3u);
}

TEST(LearnBlend, ScalesByTheMeanOfTheBestUnseenScores) {
  const Dataset dataset = test::dataset_of(world(), 2, 4, {{0, 0, 0, 1}, {1, 1, 0, 1}});
  Model model;
  model.family = "popular";
  model.users = dataset.users;
  model.items = dataset.items;
  const std::vector<float> bias{8, 4, 2, 1};
  const Range items = dataset.items.range(world().rank()), users = dataset.users.range(world().rank());
  for (Count item = items.begin; item < items.end; ++item)
    model.item_bias.push_back(bias[static_cast<std::size_t>(item)]);
  PhaseLog phases;
  const auto scales = score_scales(world(), model, dataset, 2, phases);
  for (Count user = users.begin; user < users.end; ++user) {
    // User 0 has seen item 0: 4 and 2 remain best; user 1 has seen item 1: 8 and 2.
    EXPECT_FLOAT_EQ(scales[static_cast<std::size_t>(user - users.begin)], user == 0 ? 1.0F / 3 : 1.0F / 5);
  }
}

TEST(LearnBlend, PutsUsersIntoSegmentsByTheirInteractions) {
  const std::vector<Count> bounds{5, 20};
  EXPECT_EQ(segment_of(0, bounds), 0u);
  EXPECT_EQ(segment_of(4, bounds), 0u);
  EXPECT_EQ(segment_of(5, bounds), 1u);
  EXPECT_EQ(segment_of(20, bounds), 2u);
  EXPECT_EQ(segment_of(7, {}), 0u);
}

}  // namespace
}  // namespace pushcart
