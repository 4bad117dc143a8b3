#include <gtest/gtest.h>

#include <Eigen/Dense>

#include "pushcart/matrix/with_new_items.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/item_knn.hpp"
#include "models/dense_factors.hpp"
#include "support/attributes.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::fold_in_items_test {
namespace {

using test::all_pairs;
using test::all_rows;
using test::dense;
using test::small_dataset;
using test::world;
using Matrix = Eigen::MatrixXd;

constexpr Count num_users = 40, num_items = 31;

bool is_cold(Count item) {
  return item % 4 == 1;
}

/// The same data set without the pairs of cold items.
Dataset without_cold_items(const Communicator& comm, const Dataset& whole) {
  std::vector<Interaction> pairs;
  for (const Interaction& pair : all_pairs(comm, whole)) {
    if (!is_cold(pair.item)) pairs.push_back(pair);
  }
  Dataset warm = test::dataset_of(comm, whole.num_users(), whole.num_items(), pairs, whole.value_kind);
  warm.item_attributes = test::attribute_columns(warm.items.range(comm.rank()));
  return warm;
}

/// All pairs but those of item 5, which is cold, with attributes.
Dataset with_cold_items(const Communicator& comm, const Dataset& whole) {
  std::vector<Interaction> pairs;
  for (const Interaction& pair : all_pairs(comm, whole)) {
    if (pair.item != 5) pairs.push_back(pair);
  }
  Dataset grown = test::dataset_of(comm, whole.num_users(), whole.num_items(), pairs, whole.value_kind);
  grown.item_attributes = test::attribute_columns(grown.items.range(comm.rank()));
  return grown;
}

AlsConfig als_config() {
  AlsConfig config;
  config.k = 6;
  config.sweeps = 4;
  return config;
}

Model trained(const Communicator& comm, const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  return train_als(comm, dataset, config, {}, phases).model;
}

/// A system in double: (alpha0 X'X + rho I + sum w x x') (y - m) = sum w x (t - m . x).
Eigen::VectorXd solution(const Matrix& x, const Eigen::VectorXd& mean, const AlsObjective& objective,
                         const std::vector<std::pair<Interaction, double>>& pairs, double pair_weight) {
  Matrix a = objective.alpha0 * x.transpose() * x;
  Eigen::VectorXd b = Eigen::VectorXd::Zero(x.cols());
  for (const auto& [pair, rating] : pairs) {
    const Eigen::VectorXd row = x.row(pair.user);
    const bool has_confidence = objective.target == AlsTarget::confidence;
    const double weight = has_confidence ? objective.alpha * static_cast<double>(pair.value) : 1;
    const double target = has_confidence                           ? (1 + weight) / weight
                          : objective.target == AlsTarget::ratings ? rating
                                                                   : 1;
    a += pair_weight * weight * row * row.transpose();
    b += pair_weight * weight * row * (target - mean.dot(row));
  }
  a.diagonal().array() += row_regularization(objective, static_cast<Count>(pairs.size()), num_users);
  return mean + Eigen::VectorXd(a.ldlt().solve(b));
}

class FoldInItems : public testing::TestWithParam<std::tuple<AlsPreset, bool, double>> {};

TEST_P(FoldInItems, SolvesTheItemsOwnSystems) {
  const auto [preset, has_map, pair_weight] = GetParam();
  const ValueKind kind = preset == AlsPreset::alswr ? ValueKind::rating : ValueKind::strength;
  const Dataset whole = small_dataset(
      world(), {.num_users = num_users, .num_items = num_items, .density = 0.3, .value_kind = kind});
  const Dataset warm = without_cold_items(world(), whole), grown = with_cold_items(world(), whole);
  AlsConfig config = als_config();
  config.preset = preset;
  if (has_map) config.attributes.items = {"gender", "tastes"};
  const Model model = trained(world(), warm, config);
  PhaseLog phases;
  const Model result = fold_in_items(world(), model, warm, grown, phases, {.pair_weight = pair_weight});

  const Matrix x = dense(model.user_factors), found = dense(result.item_factors);
  Matrix expected = Matrix::Zero(num_items, x.cols());
  if (has_map) {
    expected = dense(
        mapped_factors(*model.item_attribute_map, grown.item_attributes, grown.items.range(world().rank())));
  }
  const auto user_bias = all_rows(world(), model.user_bias), item_bias = all_rows(world(), result.item_bias);
  const Matrix before = dense(model.item_factors);
  const double scale = before.cwiseAbs().maxCoeff();
  const auto all = all_pairs(world(), grown);
  for (Count item = 0; item < num_items; ++item) {
    if (!is_cold(item)) {
      EXPECT_EQ(found.row(item), before.row(item));
      continue;
    }
    std::vector<std::pair<Interaction, double>> pairs;
    double bias = 0;
    for (const Interaction& pair : all) {
      if (pair.item != item) continue;
      double rest = static_cast<double>(pair.value) - model.mean;
      if (kind == ValueKind::rating)
        rest -= static_cast<double>(user_bias[static_cast<std::size_t>(pair.user)]);
      pairs.emplace_back(pair, rest);
      bias += rest;
    }
    bias /= static_cast<double>(pairs.size()) + config.bias_regularization;
    if (pairs.empty()) bias = 0;
    for (auto& [pair, rest] : pairs) rest -= bias;
    if (kind == ValueKind::rating) {
      EXPECT_NEAR(static_cast<double>(item_bias[static_cast<std::size_t>(item)]), bias, 1e-5);
    }
    const Eigen::VectorXd mean = expected.row(item);
    const Eigen::VectorXd y =
        pairs.empty() ? mean : solution(x, mean, resolve_objective(config, kind), pairs, pair_weight);
    EXPECT_LT((found.row(item).transpose() - y).cwiseAbs().maxCoeff(), 1e-5 * scale) << "item " << item;
    EXPECT_EQ(pairs.empty(), item == 5);
    if (!pairs.empty()) {
      EXPECT_GT((y - mean).cwiseAbs().maxCoeff(), 0.01 * scale);
    }
  }
  EXPECT_EQ(all_rows(world(), result.user_factors.values), all_rows(world(), model.user_factors.values));
}

INSTANTIATE_TEST_SUITE_P(Objectives, FoldInItems,
                         testing::Combine(testing::Values(AlsPreset::rendle, AlsPreset::hkv,
                                                          AlsPreset::alswr),
                                          testing::Bool(), testing::Values(1.0, 4.5)));

TEST(FoldInItemsOnce, GivesTheFactorsThatTrainingGaveForTheSameUsers) {
  const Dataset whole =
      small_dataset(world(), {.num_users = num_users, .num_items = num_items, .density = 0.3});
  const Dataset warm = without_cold_items(world(), whole);
  AlsConfig config = als_config();
  config.solver = AlsSolver::exact;
  const Model model = trained(world(), whole, config);  // the last it solves are the items
  Model unlearned = model;
  const Range mine = whole.items.range(world().rank());
  for (Count item = mine.begin; item < mine.end; ++item) {
    if (is_cold(item)) std::ranges::fill(unlearned.item_factors.row(item - mine.begin), 0.0F);
  }
  // The cold items lie elsewhere in a data set without their pairs: by its cuts.
  const Range theirs = warm.items.range(world().rank());
  const auto values = all_rows(world(), unlearned.item_factors.values);
  unlearned.items = warm.items;
  unlearned.item_factors.rows = theirs;
  unlearned.item_factors.values.assign(values.begin() + theirs.begin * config.k,
                                       values.begin() + theirs.end * config.k);
  const Range users = warm.users.range(world().rank());
  const auto user_values = all_rows(world(), model.user_factors.values);
  unlearned.users = warm.users;
  unlearned.user_factors.rows = users;
  unlearned.user_factors.values.assign(user_values.begin() + users.begin * config.k,
                                       user_values.begin() + users.end * config.k);
  PhaseLog phases;
  const Matrix found = dense(fold_in_items(world(), unlearned, warm, whole, phases).item_factors);
  const Matrix expected = dense(model.item_factors);
  EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-5 * expected.cwiseAbs().maxCoeff());
  EXPECT_GT(expected.row(1).cwiseAbs().maxCoeff(), 0.01);
}

TEST(FoldInItemsOnce, HasTheSameBitsOnAnyRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const auto factors = [](const Communicator& comm) {
    const Dataset whole = small_dataset(comm, {.num_users = 200, .num_items = 120, .density = 0.1});
    const Dataset warm = without_cold_items(comm, whole);
    AlsConfig config = als_config();
    config.attributes.items = {"gender", "tastes"};
    PhaseLog phases;
    const Model model = trained(comm, warm, config);
    return all_rows(
        comm, fold_in_items(comm, model, warm, with_cold_items(comm, whole), phases).item_factors.values);
  };
  EXPECT_EQ(factors(world()), factors(alone));
}

TEST(FoldInItemsOnce, RefusesWhatItCannotDo) {
  const Dataset whole =
      small_dataset(world(), {.num_users = num_users, .num_items = num_items, .density = 0.3});
  const Dataset warm = without_cold_items(world(), whole);
  PhaseLog phases;
  const Model neighbours = train_item_knn(world(), warm, {.similarity = {.k = 4}}, "itemknn", phases);
  EXPECT_THROW(fold_in_items(world(), neighbours, warm, whole, phases), ConfigError);
  Model model = trained(world(), warm, als_config());
  for (const double weight : {0.0, -1.0}) {
    EXPECT_THROW(fold_in_items(world(), model, warm, whole, phases, {.pair_weight = weight}), ConfigError);
  }
  model.factor_origins.clear();
  EXPECT_THROW(fold_in_items(world(), model, warm, whole, phases), ConfigError);
}

}  // namespace
}  // namespace pushcart::fold_in_items_test
