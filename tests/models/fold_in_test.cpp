#include "pushcart/models/fold_in.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <map>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/newcomers.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/content.hpp"
#include "pushcart/models/item_knn.hpp"
#include "pushcart/models/popular.hpp"
#include "pushcart/models/spectral.hpp"
#include "pushcart/models/user_knn.hpp"
#include "models/dense_factors.hpp"
#include "support/attributes.hpp"
#include "support/other_numbering.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::fold_in_test {
namespace {

using test::all_pairs;
using test::all_rows;
using test::dense;
using test::small_dataset;
using test::world;
using Matrix = Eigen::MatrixXd;

constexpr Count num_users = 40, num_items = 31;

/// Newcomers of another log of the same shop: other users, other numbers, some items that the shop has not.
struct Shop {
  Dataset known = small_dataset(world(), {.num_users = num_users, .num_items = num_items, .density = 0.3});
  Dataset log = test::other_numbering(23, num_items);
  Dataset newcomers = newcomers_among(world(), log, known);
};

AlsConfig als_config() {
  AlsConfig config;
  config.k = 6;
  config.sweeps = 4;
  return config;
}

Model trained(const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  return train_als(world(), dataset, config, {}, phases).model;
}
Model folded(const Model& model, const Dataset& known, const Dataset& newcomers) {
  PhaseLog phases;
  return fold_in(world(), model, known, newcomers, phases);
}

TEST(Newcomers, HaveTheirPairsByTheKnownNumbers) {
  const Shop shop;
  const auto known_ids = all_rows(world(), [&] {
    std::vector<Count> numbers;  // "i7" -> 7
    for (Count item = 0; item < shop.newcomers.item_ids.size(); ++item) {
      numbers.push_back(std::stoll(std::string(shop.newcomers.item_ids[item].substr(1))));
    }
    return numbers;
  }());
  ASSERT_EQ(known_ids.size(), static_cast<std::size_t>(num_items));
  for (std::size_t item = 0; item < known_ids.size(); ++item) {
    EXPECT_EQ(known_ids[item], static_cast<Count>(item));  // as in small_dataset
  }
  std::map<std::pair<Count, Count>, float> expected, found;
  for (const Interaction& pair : all_pairs(world(), shop.log)) {
    const Count number = test::shuffled(pair.item, num_items);
    if (number < num_items) expected[{pair.user, number}] = pair.value;
  }
  for (const Interaction& pair : all_pairs(world(), shop.newcomers))
    found[{pair.user, pair.item}] = pair.value;
  EXPECT_EQ(found, expected);
  NewcomersReport report;
  newcomers_among(world(), shop.log, shop.known, &report);
  EXPECT_EQ(report.num_pairs, static_cast<Count>(expected.size()));
  EXPECT_EQ(report.num_pairs + report.num_unknown_pairs,
            static_cast<Count>(all_pairs(world(), shop.log).size()));
  EXPECT_EQ(shop.newcomers.num_items(), num_items);
  EXPECT_EQ(shop.newcomers.num_users(), 23);
}

/// (alpha0 Y'Y + rho I + sum w y y') (x - m) = sum w y (t - m . y), user by user, in double.
Matrix least_squares(const Matrix& y, const Dataset& newcomers, const AlsObjective& objective,
                     const Matrix& targets, const Matrix& mapped = {}, double pair_weight = 1) {
  Matrix x = mapped.size() > 0 ? mapped : Matrix::Zero(newcomers.num_users(), y.cols());
  const auto pairs = all_pairs(world(), newcomers);
  for (Count user = 0; user < newcomers.num_users(); ++user) {
    Matrix a = objective.alpha0 * y.transpose() * y;
    Eigen::VectorXd b = Eigen::VectorXd::Zero(y.cols());
    Count length = 0;
    for (const Interaction& pair : pairs) {
      if (pair.user != user) continue;
      const Eigen::VectorXd row = y.row(pair.item);
      const bool has_confidence = objective.target == AlsTarget::confidence;
      const double weight = has_confidence ? objective.alpha * static_cast<double>(pair.value) : 1;
      const double target = has_confidence ? (1 + weight) / weight : targets(user, pair.item);
      const double expected = mapped.size() > 0 ? mapped.row(user).dot(row) : 0;
      a += pair_weight * weight * row * row.transpose();
      b += pair_weight * weight * row * (target - expected);
      ++length;
    }
    a.diagonal().array() += row_regularization(objective, length, num_items);
    if (length > 0) x.row(user) += a.ldlt().solve(b).transpose();
  }
  return x;
}

TEST(FoldIn, SolvesTheUsersOwnSystems) {
  const Shop shop;
  const AlsConfig config = als_config();
  const Model model = trained(shop.known, config);
  const Model result = folded(model, shop.known, shop.newcomers);
  const AlsObjective objective = resolve_objective(config, ValueKind::strength);
  const Matrix x = least_squares(dense(model.item_factors), shop.newcomers, objective,
                                 Matrix::Ones(shop.newcomers.num_users(), num_items));
  const Matrix scores = x * dense(model.item_factors).transpose();
  const Matrix found = dense(result.user_factors) * dense(result.item_factors).transpose();
  EXPECT_LT((scores - found).cwiseAbs().maxCoeff(), 1e-5 * scores.cwiseAbs().maxCoeff());
  EXPECT_GT(scores.cwiseAbs().maxCoeff(), 0.1);
  // Its factors are those of the reference in another basis.
  EXPECT_LT((x.rowwise().norm() - dense(result.user_factors).rowwise().norm()).cwiseAbs().maxCoeff(), 1e-5);
}

/// The shop with attributes on both sides; the first two newcomers have nothing but these.
Dataset some_without_pairs(const Dataset& newcomers) {
  std::vector<Interaction> pairs;
  for (const Interaction& pair : all_pairs(world(), newcomers)) {
    if (pair.user >= 2) pairs.push_back(pair);
  }
  Dataset fewer =
      test::dataset_of(world(), newcomers.num_users(), newcomers.num_items(), pairs, newcomers.value_kind);
  fewer.user_attributes = test::attribute_columns(fewer.users.range(world().rank()));
  return fewer;
}

class FoldInWithAttributes : public testing::TestWithParam<AlsPreset> {};

TEST_P(FoldInWithAttributes, SolvesForTheDifferenceToWhatTheyAreMappedTo) {
  const ValueKind kind = GetParam() == AlsPreset::alswr ? ValueKind::rating : ValueKind::strength;
  Dataset known = small_dataset(
      world(), {.num_users = num_users, .num_items = num_items, .density = 0.3, .value_kind = kind});
  known.user_attributes = test::attribute_columns(known.users.range(world().rank()));
  const Dataset newcomers = some_without_pairs(newcomers_among(world(), known, known));
  AlsConfig config = als_config();
  config.preset = GetParam();
  config.attributes.users = {"gender", "tastes"};
  const Model model = trained(known, config);
  const Model result = folded(model, known, newcomers);

  const FactorTable mapped = mapped_factors(*model.user_attribute_map, newcomers.user_attributes,
                                            newcomers.users.range(world().rank()));
  Matrix targets = Matrix::Ones(num_users, num_items);
  if (kind == ValueKind::rating) {
    const auto user_bias = all_rows(world(), result.user_bias),
               item_bias = all_rows(world(), model.item_bias);
    for (const Interaction& pair : all_pairs(world(), newcomers)) {
      targets(pair.user, pair.item) = static_cast<double>(pair.value) - model.mean -
                                      static_cast<double>(user_bias[static_cast<std::size_t>(pair.user)]) -
                                      static_cast<double>(item_bias[static_cast<std::size_t>(pair.item)]);
    }
  }
  const Matrix y = dense(model.item_factors);
  const Matrix scores =
      least_squares(y, newcomers, resolve_objective(config, kind), targets, dense(mapped)) * y.transpose();
  const Matrix found = dense(result.user_factors) * dense(result.item_factors).transpose();
  EXPECT_LT((scores - found).cwiseAbs().maxCoeff(), 2e-5 * scores.cwiseAbs().maxCoeff());
  // Those without pairs have what they are mapped to, and the others not.
  const Matrix of_attributes = dense(mapped) * y.transpose();
  EXPECT_LT((found - of_attributes).topRows(2).cwiseAbs().maxCoeff(), 1e-5 * scores.cwiseAbs().maxCoeff());
  EXPECT_GT((found - of_attributes).bottomRows(num_users - 2).cwiseAbs().maxCoeff(),
            0.1 * scores.cwiseAbs().maxCoeff());
  // The maps are those of the model in the basis that the factors are in now.
  const Matrix before = dense(model.user_attribute_map->factors) * y.transpose();
  const Matrix after = dense(result.user_attribute_map->factors) * dense(result.item_factors).transpose();
  EXPECT_LT((before - after).cwiseAbs().maxCoeff(), 1e-5 * scores.cwiseAbs().maxCoeff());
}

TEST_P(FoldInWithAttributes, CountsPairsAsOftenAsIsSaid) {
  if (GetParam() == AlsPreset::alswr) return;  // the biases are in the test above
  const Shop shop;
  AlsConfig config = als_config();
  config.preset = GetParam();
  const Model model = trained(shop.known, config);
  PhaseLog phases;
  const Model result = fold_in(world(), model, shop.known, shop.newcomers, phases, {.pair_weight = 4.5});
  const Matrix y = dense(model.item_factors);
  const Matrix scores = least_squares(y, shop.newcomers, resolve_objective(config, ValueKind::strength),
                                      Matrix::Ones(shop.newcomers.num_users(), num_items), {}, 4.5) *
                        y.transpose();
  const Matrix found = dense(result.user_factors) * dense(result.item_factors).transpose();
  EXPECT_LT((scores - found).cwiseAbs().maxCoeff(), 2e-5 * scores.cwiseAbs().maxCoeff());
  for (const double weight : {0.0, -1.0}) {
    EXPECT_THROW(fold_in(world(), model, shop.known, shop.newcomers, phases, {.pair_weight = weight}),
                 ConfigError);
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives, FoldInWithAttributes,
                         testing::Values(AlsPreset::rendle, AlsPreset::hkv, AlsPreset::alswr));

TEST(FoldIn, WithAttributesHasTheSameBitsOnAnyRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const auto factors = [](const Communicator& comm) {
    Dataset known = small_dataset(comm, {.num_users = 300, .num_items = 120, .density = 0.1});
    known.user_attributes = test::attribute_columns(known.users.range(comm.rank()));
    AlsConfig config = als_config();
    config.attributes.users = {"gender", "tastes"};
    PhaseLog phases;
    const Model model = train_als(comm, known, config, {}, phases).model;
    return all_rows(
        comm, fold_in(comm, model, known, newcomers_among(comm, known, known), phases).user_factors.values);
  };
  EXPECT_EQ(factors(world()), factors(alone));
}

TEST(FoldIn, GivesWhatASweepOfTrainingGivesForTheSameItems) {
  const Shop shop;
  AlsConfig config = als_config();
  const Model model = trained(shop.known, config);
  const Matrix folded_in =
      dense(folded(model, shop.known, newcomers_among(world(), shop.known, shop.known)).user_factors);
  config.start = &model;
  config.sweeps = 1;
  config.solver = AlsSolver::exact;
  // A sweep solves the users for the items given, then turns both sides to another basis.
  const Matrix retrained = dense(trained(shop.known, config).user_factors);
  const Matrix expected = retrained * retrained.transpose();
  EXPECT_LT((folded_in * folded_in.transpose() - expected).cwiseAbs().maxCoeff(),
            1e-5 * expected.cwiseAbs().maxCoeff());
  const Matrix before = dense(model.user_factors);
  EXPECT_GT((before * before.transpose() - expected).cwiseAbs().maxCoeff(),
            1e-4 * expected.cwiseAbs().maxCoeff());
}

TEST(FoldIn, OfRatingsHasTheUsersBiases) {
  Dataset known = small_dataset(
      world(),
      {.num_users = num_users, .num_items = num_items, .density = 0.4, .value_kind = ValueKind::rating});
  const AlsConfig config = als_config();
  const Model model = trained(known, config);
  const Model result = folded(model, known, newcomers_among(world(), known, known));
  const auto item_bias = all_rows(world(), model.item_bias), found = all_rows(world(), result.user_bias);
  std::vector<double> sums(num_users, 0), counts(num_users, 0);
  Matrix targets = Matrix::Zero(num_users, num_items);
  const auto pairs = all_pairs(world(), known);
  const auto rest = [&](const Interaction& pair) {
    return static_cast<double>(pair.value) - model.mean -
           static_cast<double>(item_bias[static_cast<std::size_t>(pair.item)]);
  };
  for (const Interaction& pair : pairs) {
    sums[static_cast<std::size_t>(pair.user)] += rest(pair);
    counts[static_cast<std::size_t>(pair.user)] += 1;
  }
  for (std::size_t user = 0; user < sums.size(); ++user) {
    if (counts[user] > 0) sums[user] /= counts[user] + config.bias_regularization;
    EXPECT_NEAR(static_cast<double>(found[user]), sums[user], 1e-5);
  }
  for (const Interaction& pair : pairs) {
    targets(pair.user, pair.item) = rest(pair) - sums[static_cast<std::size_t>(pair.user)];
  }
  const Matrix y = dense(model.item_factors);
  const Matrix scores =
      least_squares(y, known, resolve_objective(config, ValueKind::rating), targets) * y.transpose();
  const Matrix folded_scores = dense(result.user_factors) * dense(result.item_factors).transpose();
  EXPECT_LT((scores - folded_scores).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(FoldIn, OfALinearFilterGivesWhatTrainingGave) {
  const Dataset known = small_dataset(world(), {.num_users = 60, .num_items = num_items, .density = 0.3});
  PhaseLog phases;
  SpectralConfig config;
  config.neighbours = 10;
  config.k = 5;
  const Model model = train_spectral(world(), known, config, phases).model;
  const Model result = folded(model, known, newcomers_among(world(), known, known));
  const Matrix before = dense(model.user_factors), after = dense(result.user_factors);
  EXPECT_LT((before - after).cwiseAbs().maxCoeff(), 1e-5 * before.cwiseAbs().maxCoeff());
  EXPECT_EQ(all_rows(world(), result.item_factors.values), all_rows(world(), model.item_factors.values));
}

TEST(FoldIn, OfProfilesThatDecayGivesWhatTrainingGave) {
  Dataset known = small_dataset(
      world(), {.num_users = num_users, .num_items = num_items, .density = 0.3, .has_times = true});
  ItemVectors set{"pictures", 4, {}};
  const Range mine = known.items.range(world().rank());
  for (Count item = mine.begin; item < mine.end; ++item) {
    for (Count c = 0; c < 4; ++c) set.values.push_back(static_cast<float>((item + c) % 4 == 0));
  }
  known.item_vectors = {set};
  ContentConfig config;
  config.vectors = {{"pictures"}};
  config.neighbours = config.k = 0;
  config.half_life_days = 20;
  PhaseLog phases;
  const Model model = train_content(world(), known, config, phases).model;
  const Matrix before = dense(model.user_factors);
  const Matrix after = dense(folded(model, known, newcomers_among(world(), known, known)).user_factors);
  EXPECT_LT((before - after).cwiseAbs().maxCoeff(), 1e-5 * before.cwiseAbs().maxCoeff());
  config.half_life_days = 0;
  const Matrix without = dense(train_content(world(), known, config, phases).model.user_factors);
  EXPECT_GT((before - without).cwiseAbs().maxCoeff(), 0.1 * before.cwiseAbs().maxCoeff());
}

TEST(FoldIn, LeavesItemWeightsAndBiasesAsTheyAre) {
  const Shop shop;
  PhaseLog phases;
  const Model model = train_item_knn(world(), shop.known, {.similarity = {.k = 5}}, "itemknn", phases);
  const Model result = folded(model, shop.known, shop.newcomers);
  EXPECT_EQ(all_rows(world(), result.item_weights->columns), all_rows(world(), model.item_weights->columns));
  EXPECT_EQ(all_rows(world(), result.item_weights->values), all_rows(world(), model.item_weights->values));
  const Model popular = train_popular(world(), shop.known, PopularConfig{});
  EXPECT_EQ(all_rows(world(), folded(popular, shop.known, shop.newcomers).item_bias),
            all_rows(world(), popular.item_bias));
}

TEST(FoldIn, RefusesWhatItCannotDo) {
  const Shop shop;
  PhaseLog phases;
  Model model = trained(shop.known, als_config());
  model.factor_origins.clear();
  EXPECT_THROW(folded(model, shop.known, shop.newcomers), ConfigError);
  model.family = "blend";
  EXPECT_THROW(folded(model, shop.known, shop.newcomers), ConfigError);
  UserKnnConfig config;
  config.similarity.k = 4;
  EXPECT_THROW(folded(train_user_knn(world(), shop.known, config, phases), shop.known, shop.newcomers),
               ConfigError);
}

}  // namespace
}  // namespace pushcart::fold_in_test
