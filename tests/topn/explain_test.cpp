#include "pushcart/topn/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>

#include "models/linear_reference.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/blend.hpp"
#include "pushcart/models/ease.hpp"
#include "pushcart/models/item_knn.hpp"
#include "pushcart/models/popular.hpp"
#include "pushcart/models/spectral.hpp"
#include "pushcart/models/user_knn.hpp"
#include "topn/explain_reference.hpp"

namespace pushcart::test {
namespace {

using testing::HasSubstr;

const SmallDataset shop{
    .num_users = 60, .num_items = 20, .density = 0.3, .types = {"view", "buy"}, .has_times = true};

/// Every entry's reasons sum to its score, whoever made the model.
void expect_sums(const ExplainedLists& made) {
  const Explained all = explained(world(), made.lists);
  ASSERT_GT(all.size(), 100U);
  for (const auto& [key, entry] : all) {
    double sum = 0;
    for (const auto& [reason, contribution] : entry.reasons) sum += contribution;
    // Contributions are floats.
    ASSERT_NEAR(sum, entry.score, 1e-6 * std::max(entry.magnitude(), std::abs(entry.score)))
        << key.first << ' ' << key.second;
  }
  EXPECT_LT(made.report.largest_gap, 1e-6);
}

/// What each own item gives, by the dense formula of Hu, Koren and Volinsky: users x items x own items.
class DenseLeastSquares {
 public:
  DenseLeastSquares(const Dataset& dataset, const Model& model, const AlsObjective& objective)
      : y_(dense_factors(world(), model.item_factors, dataset.num_items())), objective_(objective) {
    const auto user_bias = all_rows(world(), model.user_bias), item_bias = all_rows(world(), model.item_bias);
    rows_.resize(static_cast<std::size_t>(dataset.num_users()));
    for (const Interaction& pair : all_pairs(world(), dataset)) {
      const double r = static_cast<double>(pair.value);
      Observed observed{pair.item, 1, 1};
      if (objective.target == AlsTarget::confidence) {
        observed.weight = objective.alpha * r;
        observed.target = (1 + objective.alpha * r) / (objective.alpha * r);
      } else if (objective.target == AlsTarget::ratings) {
        observed.target = r - model.mean -
                          static_cast<double>(user_bias[static_cast<std::size_t>(pair.user)]) -
                          static_cast<double>(item_bias[static_cast<std::size_t>(pair.item)]);
      }
      rows_[static_cast<std::size_t>(pair.user)].push_back(observed);
    }
  }
  /// By own item.
  std::map<Count, double> shares(Count user, Count item) const {
    const auto& row = rows_[static_cast<std::size_t>(user)];
    const double size = static_cast<double>(row.size()) + objective_.alpha0 * static_cast<double>(y_.rows());
    Eigen::MatrixXd a = objective_.alpha0 * y_.transpose() * y_;
    a.diagonal().array() += objective_.lambda * std::pow(size, objective_.nu);
    for (const Observed& o : row) a += o.weight * y_.row(o.item).transpose() * y_.row(o.item);
    const Eigen::VectorXd solved = a.ldlt().solve(y_.row(item).transpose());
    std::map<Count, double> result;
    for (const Observed& o : row) result[o.item] = y_.row(o.item).dot(solved) * o.weight * o.target;
    return result;
  }

 private:
  struct Observed {
    Count item;
    double weight, target;
  };
  Eigen::MatrixXd y_;
  AlsObjective objective_;
  std::vector<std::vector<Observed>> rows_;
};

struct AlsCase {
  const char* name;
  AlsPreset preset;
  Count k;
  AlsTarget target = AlsTarget::ones;  // of preset none
};
// Users have from a few items to most of the 20: both systems are solved.
const std::vector<AlsCase> als_cases{{"rendle, primal", AlsPreset::rendle, 2},
                                     {"rendle", AlsPreset::rendle, 7},
                                     {"hkv", AlsPreset::hkv, 6},
                                     {"hkv, dual", AlsPreset::hkv, 24},
                                     {"none", AlsPreset::none, 6, AlsTarget::confidence},
                                     {"alswr", AlsPreset::alswr, 5}};

AlsConfig als_config(const AlsCase& c) {
  AlsConfig config;
  config.preset = c.preset;
  config.target = c.target;
  config.k = c.k;
  config.sweeps = 3;
  if (c.preset == AlsPreset::hkv) config.lambda = 5;
  return config;
}

SmallDataset shape_of(const AlsCase& c) {
  SmallDataset shape = shop;
  if (c.preset == AlsPreset::alswr) shape.value_kind = ValueKind::rating;
  return shape;
}

SpectralConfig spectral_config(SpectralPreset preset) {
  SpectralConfig config;
  config.preset = preset;
  config.k = 6;
  config.neighbours = 8;
  return config;
}

TEST(Explain, DividesAlsScoresByTheFormulaOfHuKorenAndVolinsky) {
  for (const AlsCase& c : als_cases) {
    SCOPED_TRACE(c.name);
    const Dataset dataset = small_dataset(world(), shape_of(c));
    PhaseLog phases;
    const Model model = train_als(world(), dataset, als_config(c), {}, phases).model;
    const DenseLeastSquares reference(dataset, model, resolve_objective(als_config(c), dataset.value_kind));
    const auto bias = all_rows(world(), model.item_bias);
    const ExplainedLists made = explain_all(world(), model, dataset, 6);
    expect_sums(made);
    for (const auto& [key, entry] : explained(world(), made.lists)) {
      const auto expected = reference.shares(key.first, key.second);
      double sum = 0;
      for (const auto& [own, share] : expected) {
        ASSERT_NEAR(entry.of(ReasonKind::item, own), share, 2e-6 * entry.magnitude());
        sum += share;
      }
      const double of_all =
          bias.empty() ? 0 : static_cast<double>(bias[static_cast<std::size_t>(key.second)]);
      ASSERT_NEAR(entry.of(ReasonKind::bias), of_all, 1e-6 * entry.magnitude());
      ASSERT_NEAR(entry.of(ReasonKind::rest), entry.score - sum - of_all, 5e-6 * entry.magnitude());
    }
    // Three sweeps leave some rest, but the user's items are what counts.
    EXPECT_GT(made.report.kind_shares[static_cast<std::size_t>(ReasonKind::item)], 0.5);
  }
}

TEST(Explain, TakesRowsOfManyItemsBlockByBlock) {
  const SmallDataset wide{.num_users = 12, .num_items = 1300, .density = 0.9, .types = {}};
  const Dataset dataset = small_dataset(world(), wide);
  PhaseLog phases;
  const AlsConfig config = als_config({"", AlsPreset::rendle, 4});
  const Model model = train_als(world(), dataset, config, {}, phases).model;
  const DenseLeastSquares reference(dataset, model, resolve_objective(config, dataset.value_kind));
  const auto entries =
      explained(world(), explain_all(world(), model, dataset, 3, {.num_reasons = 2000}).lists);
  std::size_t most = 0;
  for (const auto& [key, entry] : entries) {
    const auto expected = reference.shares(key.first, key.second);
    most = std::max(most, expected.size());
    for (const auto& [own, share] : expected) {
      ASSERT_NEAR(entry.of(ReasonKind::item, own), share, 2e-6 * entry.magnitude());
    }
  }
  EXPECT_GT(most, 1024U);
  const Model filter = train_spectral(world(), dataset, spectral_config(SpectralPreset::bspm), phases).model;
  const ExplainedLists made = explain_all(world(), filter, dataset, 3, {.num_reasons = 2000});
  EXPECT_LT(made.report.largest_gap, 1e-6);
  EXPECT_LT(made.report.kind_shares[static_cast<std::size_t>(ReasonKind::rest)], 1e-5);
}

TEST(Explain, HasNothingToSayToRanksWithoutUsers) {
  const Dataset dataset = small_dataset(world(), {.num_users = 2, .num_items = 3, .density = 1, .types = {}});
  PhaseLog phases;
  AlsConfig config = als_config({"", AlsPreset::rendle, 2});
  const ExplainedLists made =
      explain_all(world(), train_als(world(), dataset, config, {}, phases).model, dataset, 2);
  ASSERT_TRUE(made.lists.reasons.has_value());
  EXPECT_EQ(made.lists.reasons->offsets.size(), made.lists.items.size() + 1);
  EXPECT_EQ(made.report.num_entries, 4);
}

TEST(Explain, LeavesNoRestOfAlsThatHasConverged) {
  const Dataset dataset = small_dataset(world(), shop);
  PhaseLog phases;
  AlsConfig config = als_config({"", AlsPreset::hkv, 4});
  config.sweeps = 500;
  config.solver = AlsSolver::exact;
  const ExplainedLists made =
      explain_all(world(), train_als(world(), dataset, config, {}, phases).model, dataset, 6);
  EXPECT_LT(made.report.kind_shares[static_cast<std::size_t>(ReasonKind::rest)], 1e-4);
}

TEST(Explain, LearnsFromTheEventsAndTransformsOfTheModelAndFromWhatWasNotHeldOut) {
  const Dataset dataset = small_dataset(world(), shop);
  const Split split = hold_out(world(), dataset, {SplitKind::random, 0.2, 1, 5});
  PhaseLog phases;
  AlsConfig config = als_config({"", AlsPreset::hkv, 4});
  config.event_weights = {{"buy", 2.0}};
  config.transform = ValueTransform::log1p;
  config.sweeps = 300;
  config.solver = AlsSolver::exact;
  const Model model = train_als(world(), split.train, config, {}, phases).model;
  TopRequest request = all_users(dataset, 6);
  TopLists lists = top_items(world(), model, dataset, request, phases);
  // Nothing is left over only if the very interactions are used that the model learned from.
  const auto report =
      explain(world(), model, dataset, split.train, lists, {.num_reasons = all_reasons}, phases);
  EXPECT_LT(report.kind_shares[static_cast<std::size_t>(ReasonKind::rest)], 1e-4);
  const auto others = explain(world(), model, dataset, dataset, lists, {.num_reasons = all_reasons}, phases);
  EXPECT_GT(others.kind_shares[static_cast<std::size_t>(ReasonKind::rest)], 0.01);
}

TEST(Explain, DividesSpectralScoresItemByItem) {
  const Dataset dataset = small_dataset(world(), shop);
  const Eigen::MatrixXd r = dense_ratings(world(), dataset);
  for (const SpectralPreset preset :
       {SpectralPreset::reweighted, SpectralPreset::bspm, SpectralPreset::gf_cf, SpectralPreset::pure_svd}) {
    SCOPED_TRACE(spectral_preset_name(preset));
    PhaseLog phases;
    const Model model = train_spectral(world(), dataset, spectral_config(preset), phases).model;
    // The users' factors are linear in their rows: what an item of strength 1 adds is found from all of them.
    const Eigen::MatrixXd x = dense_factors(world(), model.user_factors, dataset.num_users()),
                          y = dense_factors(world(), model.item_factors, dataset.num_items()),
                          w = dense_weights(world(), model);
    const Eigen::MatrixXd per_unit = r.colPivHouseholderQr().solve(x);
    ASSERT_LT((r * per_unit - x).norm(), 1e-4 * x.norm());
    const ExplainedLists made = explain_all(world(), model, dataset, 6);
    expect_sums(made);
    for (const auto& [key, entry] : explained(world(), made.lists)) {
      const auto [user, item] = key;
      for (Count own = 0; own < dataset.num_items(); ++own) {
        const double expected = r(user, own) * (per_unit.row(own).dot(y.row(item)) + w(own, item));
        ASSERT_NEAR(entry.of(ReasonKind::item, own), expected, 2e-4 * entry.magnitude());
      }
    }
    EXPECT_LT(made.report.kind_shares[static_cast<std::size_t>(ReasonKind::rest)], 1e-5);
  }
}

TEST(Explain, DividesTheScoresOfItemWeightsTermByTerm) {
  const Dataset dataset = small_dataset(world(), shop);
  const Eigen::MatrixXd r = dense_ratings(world(), dataset);
  PhaseLog phases;
  EaseConfig ease;
  ease.lambda = 20;
  ease.neighbours = 9;
  ItemKnnConfig cosine, walk;
  cosine.similarity.k = 7;
  walk.similarity.metric = SimilarityMetric::rp3beta;
  walk.similarity.k = 7;
  for (const Model& model : {train_ease(world(), dataset, ease, phases).model,
                             train_item_knn(world(), dataset, cosine, "itemknn", phases),
                             train_item_knn(world(), dataset, walk, "rp3beta", phases)}) {
    SCOPED_TRACE(model.family);
    const Eigen::MatrixXd w = dense_weights(world(), model);
    const ExplainedLists made = explain_all(world(), model, dataset, 6);
    expect_sums(made);
    for (const auto& [key, entry] : explained(world(), made.lists)) {
      for (Count own = 0; own < dataset.num_items(); ++own) {
        ASSERT_NEAR(entry.of(ReasonKind::item, own), r(key.first, own) * w(own, key.second),
                    1e-6 * entry.magnitude());
      }
    }
    EXPECT_EQ(made.report.kind_shares[static_cast<std::size_t>(ReasonKind::item)], 1);
  }
}

TEST(Explain, NamesNeighboursAndPopularityWhereNothingElseSpeaks) {
  const Dataset dataset = small_dataset(world(), shop);
  PhaseLog phases;
  const Model popular = train_popular(world(), dataset, {});
  const Model userknn = train_user_knn(world(), dataset, {.similarity = {.k = 5}, .kept_items = 20}, phases);
  for (const auto& [model, kind] :
       {std::pair(&popular, ReasonKind::bias), std::pair(&userknn, ReasonKind::neighbours)}) {
    const ExplainedLists made = explain_all(world(), *model, dataset, 6);
    expect_sums(made);
    for (const auto& [key, entry] : explained(world(), made.lists)) {
      EXPECT_EQ(entry.reasons.size(), 1U);
      EXPECT_EQ(entry.of(kind), entry.score);
    }
    EXPECT_EQ(made.report.kind_shares[static_cast<std::size_t>(kind)], 1);
  }
}

/// Models of every kind, and how much each counts for a user.
struct Parts {
  explicit Parts(const Dataset& dataset) {
    PhaseLog phases;
    ItemKnnConfig cosine;
    cosine.similarity.k = 7;
    models.push_back(train_als(world(), dataset, als_config({"", AlsPreset::rendle, 5}), {}, phases).model);
    models.push_back(train_spectral(world(), dataset, spectral_config(SpectralPreset::gf_cf), phases).model);
    models.push_back(train_popular(world(), dataset, {}));
    models.push_back(train_user_knn(world(), dataset, {.similarity = {.k = 5}, .kept_items = 20}, phases));
    models.push_back(train_item_knn(world(), dataset, cosine, "itemknn", phases));
  }
  static double weight(std::size_t part, Count user) {
    return 0.25 * static_cast<double>(part + 1) +
           0.125 * static_cast<double>((user + static_cast<Count>(part)) % 4);
  }
  Model blend(const Dataset& dataset) const {
    std::vector<BlendPart> parts;
    for (std::size_t p = 0; p < models.size(); ++p) {
      parts.push_back({&models[p], {}});
      const Range users = dataset.users.range(world().rank());
      for (Count user = users.begin; user < users.end; ++user)
        parts.back().user_weights.push_back(static_cast<float>(weight(p, user)));
    }
    return blend_models(world(), dataset, parts);
  }
  std::vector<Model> models;
};

/// Reasons of every item for every user.
Explained explain_catalogue(const Model& model, const Dataset& dataset) {
  return explained(world(), explain_all(world(), model, dataset, dataset.num_items()).lists);
}

TEST(Explain, DividesBlendsAsTheirParts) {
  const Dataset dataset = small_dataset(world(), shop);
  Parts parts(dataset);
  const Model blend = parts.blend(dataset);
  const ExplainedLists made = explain_all(world(), blend, dataset, 6);
  expect_sums(made);

  constexpr std::size_t spectral = 1;  // the first with item weights: what a blend divides by
  const Eigen::MatrixXd r = dense_ratings(world(), dataset), w = dense_weights(world(), blend);
  parts.models[spectral].item_weights.reset();
  const auto of_als = explain_catalogue(parts.models[0], dataset),
             of_filter = explain_catalogue(parts.models[spectral], dataset),
             of_neighbours = explain_catalogue(parts.models[3], dataset);
  const auto popularity = all_rows(world(), parts.models[2].item_bias);
  const auto found = [](const Explained& all, const std::pair<Count, Count>& key) {
    const auto entry = all.find(key);
    return entry == all.end() ? ExplainedEntry{} : entry->second;
  };
  for (const auto& [key, entry] : explained(world(), made.lists)) {
    const auto [user, item] = key;
    const auto ratio = [user = user](std::size_t part) {
      return Parts::weight(part, user) / Parts::weight(spectral, user);
    };
    const double tolerance = 2e-6 * entry.magnitude();
    for (Count own = 0; own < dataset.num_items(); ++own) {
      const double expected = ratio(0) * found(of_als, key).of(ReasonKind::item, own) +
                              found(of_filter, key).of(ReasonKind::item, own) + r(user, own) * w(own, item);
      ASSERT_NEAR(entry.of(ReasonKind::item, own), expected, tolerance);
    }
    ASSERT_NEAR(entry.of(ReasonKind::bias),
                ratio(2) * static_cast<double>(popularity[static_cast<std::size_t>(item)]), tolerance);
    ASSERT_NEAR(entry.of(ReasonKind::neighbours),
                ratio(3) * found(of_neighbours, key).of(ReasonKind::neighbours), tolerance);
    ASSERT_NEAR(entry.of(ReasonKind::rest), ratio(0) * found(of_als, key).of(ReasonKind::rest), tolerance);
  }
}

TEST(Explain, DividesBlendsOfBlends) {
  const Dataset dataset = small_dataset(world(), shop);
  const Parts parts(dataset);
  const Model inner = parts.blend(dataset);
  const auto num_users = static_cast<std::size_t>(dataset.users.range(world().rank()).size());
  const std::vector<BlendPart> outer{{&parts.models[0], std::vector<float>(num_users, 0.5F)},
                                     {&inner, std::vector<float>(num_users, 2.0F)}};
  expect_sums(explain_all(world(), blend_models(world(), dataset, outer), dataset, 6));
}

TEST(Explain, KeepsTheFirstReasonsInOrder) {
  const Dataset dataset = small_dataset(world(), shop);
  const Model blend = Parts(dataset).blend(dataset);
  const auto all = flat_reasons(world(), explain_all(world(), blend, dataset, 6).lists);
  const auto order = [](const FlatReason& a, const FlatReason& b) {
    const bool a_rest = a.kind == ReasonKind::rest, b_rest = b.kind == ReasonKind::rest;
    if (a_rest != b_rest) return b_rest;
    return a.contribution > b.contribution;
  };
  std::vector<FlatReason> first_two;
  std::size_t in_entry = 0;
  for (std::size_t n = 0; n < all.size(); ++n) {
    const bool same = n > 0 && all[n].row == all[n - 1].row && all[n].entry_item == all[n - 1].entry_item;
    EXPECT_FALSE(same && order(all[n], all[n - 1])) << n;
    in_entry = same ? in_entry + 1 : 0;
    if (in_entry < 2) first_two.push_back(all[n]);
  }
  EXPECT_EQ(flat_reasons(world(), explain_all(world(), blend, dataset, 6, {.num_reasons = 2}).lists),
            first_two);
}

TEST(Explain, GivesTheSameBitsOnAnyRanksAndThreads) {
  const Communicator alone = world().split(world().rank(), 0);
  SmallDataset shape = shop;
  shape.num_items = 400;  // more than one granule, and rows of all lengths
  shape.density = 0.1;
  const auto made = [&](const Communicator& comm, Count batch_bytes = Count{1} << 26) {
    const Dataset dataset = small_dataset(comm, shape);
    PhaseLog phases;
    std::vector<Model> models;
    models.push_back(train_als(comm, dataset, als_config({"", AlsPreset::hkv, 30}), {}, phases).model);
    models.push_back(train_spectral(comm, dataset, spectral_config(SpectralPreset::bspm), phases).model);
    std::vector<BlendPart> parts;
    for (const Model& model : models) {
      parts.push_back(
          {&model, std::vector<float>(static_cast<std::size_t>(dataset.users.range(comm.rank()).size()), 1)});
    }
    const Model blend = blend_models(comm, dataset, parts);
    const ExplainedLists explained = explain_all(comm, blend, dataset, 10, {4, batch_bytes});
    return std::tuple(flat_reasons(comm, explained.lists), explained.report.kind_shares,
                      explained.report.largest_gap);
  };
  const auto expected = made(alone);
  ASSERT_GT(std::get<0>(expected).size(), 2000U);
  EXPECT_TRUE(made(world()) == expected);
  EXPECT_TRUE(made(world(), 1) == expected);  // a batch a list
  EXPECT_TRUE(made(world(), 20000) == expected);
  const WithThreads threads(3);
  EXPECT_TRUE(made(world()) == expected);
}

TEST(Explain, FilledEntriesAndStrangersAreThereForTheirPopularity) {
  const Dataset dataset = small_dataset(world(), shop);
  PhaseLog phases;
  const Model model = train_als(world(), dataset, als_config({"", AlsPreset::rendle, 3}), {}, phases).model;
  TopLists lists = top_items(world(), model, dataset, all_users(dataset, 3), phases);
  lists.source_names.push_back("popular");
  for (std::size_t entry = 2; entry < lists.items.size(); entry += 3) {
    lists.sources[entry] = 1;
    lists.scores[entry] = 17;
  }
  lists.rows.push_back(-1);
  lists.items.push_back(4);
  lists.scores.push_back(19);
  lists.sources.push_back(1);
  lists.offsets.push_back(lists.offsets.back() + 1);
  explain(world(), model, dataset, dataset, lists, {.num_reasons = all_reasons}, phases);
  Count filled = 0;
  for (const auto& [key, entry] : explained(world(), lists)) {
    if (entry.score != 17 && entry.score != 19) continue;
    ++filled;
    EXPECT_EQ(entry.reasons.size(), 1U);
    EXPECT_EQ(entry.of(ReasonKind::bias), entry.score);
  }
  EXPECT_EQ(filled, dataset.num_users() + 1);  // the strangers of all ranks have the same list
}

/// What all ranks are told.
std::string refusal(const Model& model, const Dataset& dataset, TopLists& lists, ExitCode code,
                    Count num_reasons = 2) {
  PhaseLog phases;
  try {
    explain(world(), model, dataset, dataset, lists, {.num_reasons = num_reasons}, phases);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "no error";
}

TEST(Explain, RefusesOnAllRanksWhatItCannotExplain) {
  const Dataset dataset = small_dataset(world(), shop);
  PhaseLog phases;
  Model model = train_als(world(), dataset, als_config({"", AlsPreset::rendle, 3}), {}, phases).model;
  TopLists lists = top_items(world(), model, dataset, all_users(dataset, 3), phases);
  EXPECT_THAT(refusal(model, dataset, lists, ExitCode::usage, 0), HasSubstr("--explain 0"));

  TopLists wrong = lists;  // one score of one rank
  if (dataset.users.owner(7) == world().rank())
    wrong.scores[static_cast<std::size_t>(3 * (7 - dataset.by_user.rows.begin))] += 0.5F;
  EXPECT_THAT(refusal(model, dataset, wrong, ExitCode::numerical), HasSubstr("user 'u7'"));

  const std::vector<BlendPart> parts{
      {&model, std::vector<float>(static_cast<std::size_t>(dataset.users.range(world().rank()).size()), 1)}};
  EXPECT_EQ(blend_models(world(), dataset, parts).factor_origins.size(), 1U);
  model.factor_origins.clear();
  EXPECT_THAT(refusal(model, dataset, lists, ExitCode::usage),
              HasSubstr("does not say where its factors come from"));
  EXPECT_TRUE(blend_models(world(), dataset, parts).factor_origins.empty());
}

}  // namespace
}  // namespace pushcart::test
