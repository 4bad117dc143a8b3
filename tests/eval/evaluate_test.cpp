#include "pushcart/eval/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "eval/metric_value.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/random_order.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/score.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

Model bias_model(const Dataset& dataset, const std::string& family, const std::vector<float>& bias) {
  Model model;
  model.family = family;
  model.users = dataset.users;
  model.items = dataset.items;
  const Range owned = dataset.items.range(world().rank());
  model.item_bias.assign(bias.begin() + owned.begin, bias.begin() + owned.end);
  return model;
}

Model random_model(const Dataset& dataset, Count k) {
  Model model;
  model.family = "als";
  model.users = dataset.users;
  model.items = dataset.items;
  const auto fill = [&](Range rows, std::uint64_t seed) {
    FactorTable table{rows, k, {}};
    for (Count row = rows.begin; row < rows.end; ++row) {
      const RandomStream random(seed, static_cast<std::uint64_t>(row));
      for (Count c = 0; c < k; ++c)
        table.values.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(c))));
    }
    return table;
  };
  model.user_factors = fill(dataset.users.range(world().rank()), 1);
  model.item_factors = fill(dataset.items.range(world().rank()), 2);
  return model;
}

HeldOut held_out_pairs(const Dataset& dataset, const std::vector<Interaction>& pairs) {
  HeldOut held_out;
  held_out.by_user = rows_by_owner(world(), dataset.users, dataset.num_items(),
                                   world().is_root() ? pairs : std::vector<Interaction>());
  held_out.num_pairs = static_cast<Count>(pairs.size());
  return held_out;
}

/// 4 items; users 0, 1 and 2 have item 0, user 0 has item 1 too, item 3 has nobody. Held out: (0, 2), (1, 1),
/// (1, 3); user 2 is not tested.
struct HandCase {
  Dataset train =
      dataset_of(world(), 3, 4, {{0, 0, 0, 4}, {0, 1, 0, 2}, {1, 0, 0, 5}, {2, 0, 0, 3}, {2, 2, 0, 1}},
                 ValueKind::rating);
  HeldOut held_out = held_out_pairs(train, {{0, 2, 0, 3}, {1, 1, 0, 4}, {1, 3, 0, 1}});
  Model popular = bias_model(train, "popular", {3, 1, 1, 0});
};

TEST(Evaluate, AgreesWithACaseWorkedByHand) {
  const HandCase hand;
  // The model likes item 3 best, then 2, 1, 0: lists of two are user 0: 3, 2; user 1: 3, 2.
  Model model = bias_model(hand.train, "als", {0, 1, 2, 3});
  model.predicts_ratings = true;
  model.mean = 2;
  model.user_bias.assign(static_cast<std::size_t>(hand.train.users.range(world().rank()).size()), 0.5F);
  EvaluateConfig config;
  config.at = {2, 1};
  PhaseLog phases;
  const auto report = evaluate(world(), model, hand.popular, hand.train, hand.held_out, config, phases);
  EXPECT_EQ(report.num_users, 2);
  EXPECT_EQ(report.num_pairs, 3);
  const auto expect = [&](const std::string& name, double value) {
    EXPECT_NEAR(value_of(report.metrics, name), value, 1e-12) << name;
  };
  const double second = 1 / std::log2(3.0);
  expect("recall@1", (0 + 0.5) / 2);
  expect("recall@2", (1 + 0.5) / 2);
  expect("precision@2", 0.5);
  expect("ndcg@2", (second + 1 / (1 + second)) / 2);
  expect("map@2", (0.5 + 0.5) / 2);
  expect("mrr@2", (0.5 + 1) / 2);
  expect("hit_rate@1", 0.5);
  expect("coverage@1", 1.0 / 4);
  expect("coverage@2", 2.0 / 4);
  expect("gini@1", 3.0 / 4);                        // 0 0 0 2
  expect("gini@2", (1.0 * 2 + 3.0 * 2) / (4 * 4));  // 0 0 2 2: (2r - 5) x of ranks 3 and 4
  expect("novelty@1", std::log2(3.0));              // item 3: nobody has it, counted as one of 3
  expect("novelty@2", std::log2(3.0));              // item 2: one of three users
  // Predictions 2.5 + bias: (0, 2) 4.5 for 3, (1, 1) 3.5 for 4, (1, 3) 5.5 for 1.
  expect("rmse", std::sqrt((2.25 + 0.25 + 20.25) / 3));
  expect("mae", (1.5 + 0.5 + 4.5) / 3);

  // Item means: 3, item 1 3 - 1/6, item 2 3 - 2/6, item 3 has no ratings.
  EXPECT_EQ(report.rating_baseline_family, "item means");
  EXPECT_NEAR(value_of(report.baseline, "rmse"), std::sqrt((1.0 / 9 + 49.0 / 36 + 4) / 3), 1e-6);
  EXPECT_NEAR(value_of(report.baseline, "mae"), (1.0 / 3 + 7.0 / 6 + 2) / 3, 1e-6);

  // Popularity: user 0: 2, 3; user 1: 1, 2.
  EXPECT_NEAR(value_of(report.baseline, "recall@1"), (1 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(value_of(report.baseline, "recall@2"), (1 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(value_of(report.baseline, "coverage@2"), 3.0 / 4, 1e-12);
  EXPECT_NEAR(value_of(report.differences, "recall@1"), -0.5, 1e-12);
  EXPECT_NEAR(validation_metric(world(), model, hand.train, hand.held_out, 2), 0.75, 1e-12);
}

TEST(Evaluate, RanksColdItemsAmongThemselves) {
  const HandCase hand;
  const Model model =
      bias_model(hand.train, "als", {3, 2, 1, 0});  // item 3 is last of all, and the only cold one
  EvaluateConfig config;
  config.at = {1};
  config.among = Candidates::cold;
  PhaseLog phases;
  const auto report = evaluate(world(), model, hand.popular, hand.train, hand.held_out, config, phases);
  EXPECT_EQ(report.num_users, 1);  // user 1; what user 0 has held out is known
  EXPECT_EQ(report.num_pairs, 1);
  EXPECT_EQ(report.num_warm_items, 2);
  EXPECT_NEAR(value_of(report.metrics, "recall@1"), 1, 1e-12);
  EXPECT_NEAR(value_of(report.metrics, "coverage@1"), 1.0 / 4, 1e-12);
  EXPECT_EQ(report.to_json()["left_out"]["warm_items"], 2);
  EXPECT_NEAR(validation_metric(world(), model, hand.train, hand.held_out, 1, Candidates::cold), 1, 1e-12);

  const HeldOut none = held_out_pairs(hand.train, {{0, 2, 0, 3}});
  EXPECT_THROW(evaluate(world(), model, hand.popular, hand.train, none, config, phases), InputError);
}

TEST(Evaluate, MeasuresARandomOrderAsOne) {
  const Dataset dataset = small_dataset(world(), {.num_users = 30, .num_items = 400});
  const Model order = random_order(world(), dataset, 5);
  const auto bias = all_rows(world(), order.item_bias);
  EXPECT_EQ(bias, all_rows(world(), random_order(world(), dataset, 5).item_bias));
  EXPECT_NE(bias, all_rows(world(), random_order(world(), dataset, 6).item_bias));
  EXPECT_EQ(std::set<float>(bias.begin(), bias.end()).size(), bias.size());
  EXPECT_NEAR(std::accumulate(bias.begin(), bias.end(), 0.0) / 400, 0.5, 0.06);  // 4 standard errors
  // Neighbours in the catalogue are not neighbours in the order.
  double product = 0;
  for (std::size_t i = 1; i < bias.size(); ++i) product += (bias[i] - 0.5) * (bias[i - 1] - 0.5);
  EXPECT_LT(std::abs(product / 399), 4.0 / 12 / 20);
}

using Lists = std::vector<std::vector<Count>>;

/// Coverage, Gini coefficient (by the differences of all pairs of items) and novelty of the first 3 and 10
/// places of some users' lists.
void expect_catalogue_metrics(const ComparedMetrics& found, const Lists& lists,
                              const std::vector<double>& users_of_item, double num_users) {
  for (const std::size_t n : {3, 10}) {
    std::vector<double> shown(users_of_item.size(), 0);
    double bits = 0, places = 0;
    for (const auto& list : lists) {
      for (std::size_t place = 0; place < std::min(n, list.size()); ++place, ++places) {
        const auto item = static_cast<std::size_t>(list[place]);
        ++shown[item];
        bits -= std::log2(std::max(1.0, users_of_item[item]) / num_users);
      }
    }
    double differences = 0;
    for (const double a : shown) {
      for (const double b : shown) differences += std::abs(a - b);
    }
    const auto num_items = static_cast<double>(shown.size());
    const auto num_shown = static_cast<double>(std::ranges::count_if(shown, [](double s) { return s > 0; }));
    const std::string at = "@" + std::to_string(n);
    EXPECT_NEAR(value_of(found.metrics, "coverage" + at), num_shown / num_items, 1e-12);
    EXPECT_NEAR(value_of(found.metrics, "gini" + at), differences / (2 * num_items * places), 1e-12);
    EXPECT_NEAR(value_of(found.metrics, "novelty" + at), bits / places, 1e-12);
  }
}

/// All lists at once in plain doubles, from tables gathered on every rank.
TEST(Evaluate, AgreesWithPlainAveragesOnRandomData) {
  SmallDataset shape;
  shape.num_users = 90;
  shape.num_items = 70;
  const Dataset dataset = small_dataset(world(), shape);
  const Split split = hold_out(world(), dataset, {SplitKind::random, 0.3, 1, 4});
  const Model model = random_model(dataset, 5);
  std::vector<float> bias;
  for (int item = 0; item < 70; ++item) bias.push_back(static_cast<float>(70 - item));
  const Model popular = bias_model(dataset, "popular", bias);
  const auto users = all_rows(world(), model.user_factors.values);
  const auto items = all_rows(world(), model.item_factors.values);
  HeldOut tested = split.held_out;
  std::vector<std::vector<Count>> seen(90), relevant(90);
  for (const Interaction& pair : all_pairs(world(), split.train))
    seen[static_cast<std::size_t>(pair.user)].push_back(pair.item);
  Dataset as_dataset = split.train;
  as_dataset.by_user = tested.by_user;
  as_dataset.last_time.assign(tested.by_user.columns.size(), 0);
  for (const Interaction& pair : all_pairs(world(), as_dataset))
    relevant[static_cast<std::size_t>(pair.user)].push_back(pair.item);

  std::map<std::string, double> sums, baseline_sums;
  std::array<std::map<std::string, double>, 3> segment_sums;
  std::array<double, 3> segment_users{};
  Lists all_lists;
  std::array<Lists, 3> segment_lists;
  const auto segment_of_user = [&](std::size_t u) {
    return seen[u].size() < 5 ? 0U : seen[u].size() < 9 ? 1U : 2U;
  };
  double num_users = 0;
  const auto add = [&](std::map<std::string, double>& to, std::size_t u, auto score) {
    std::vector<std::pair<float, Count>> scored;
    for (Count item = 0; item < 70; ++item) {
      if (std::find(seen[u].begin(), seen[u].end(), item) == seen[u].end())
        scored.push_back({-score(u, item), item});
    }
    std::sort(scored.begin(), scored.end());
    std::vector<Count> list;
    for (const auto& entry : scored) list.push_back(entry.second);
    for (Count n : {3, 10}) {
      const auto values = as_array(ranking_metrics(list, relevant[u], n));
      for (std::size_t kind = 0; kind < values.size(); ++kind) {
        to[std::string(ranking_metric_names[kind]) + "@" + std::to_string(n)] += values[kind];
      }
    }
    return list;
  };
  for (std::size_t u = 0; u < 90; ++u) {
    if (relevant[u].empty()) continue;
    ++num_users;
    const auto by_factors = [&](std::size_t user, Count item) {
      return factor_score(0, std::span<const float>(users).subspan(user * 5, 5),
                          std::span<const float>(items).subspan(static_cast<std::size_t>(item) * 5, 5));
    };
    all_lists.push_back(add(sums, u, by_factors));
    segment_lists[segment_of_user(u)].push_back(add(segment_sums[segment_of_user(u)], u, by_factors));
    ++segment_users[segment_of_user(u)];
    add(baseline_sums, u, [&](std::size_t, Count item) { return bias[static_cast<std::size_t>(item)]; });
  }
  EvaluateConfig config;
  config.at = {3, 10};
  config.replicates = 50;
  config.segment_bounds = {5, 9};
  PhaseLog phases;
  const auto report = evaluate(world(), model, popular, split.train, tested, config, phases);
  EXPECT_EQ(report.num_users, static_cast<Count>(num_users));
  ASSERT_EQ(report.segments.size(), 3U);
  std::vector<double> users_of_item(70, 0);
  for (const auto& items_seen : seen) {
    for (const Count item : items_seen) ++users_of_item[static_cast<std::size_t>(item)];
  }
  expect_catalogue_metrics(report, all_lists, users_of_item, 90);
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_GT(segment_users[s], 0);
    expect_catalogue_metrics(report.segments[s], segment_lists[s], users_of_item, 90);
    EXPECT_EQ(report.segments[s].num_users, static_cast<Count>(segment_users[s]));
    for (const auto& [name, sum] : segment_sums[s]) {
      EXPECT_NEAR(value_of(report.segments[s].metrics, name), sum / segment_users[s], 1e-12) << name << s;
    }
  }
  EXPECT_EQ(sums.size(), 12U);
  for (const auto& [name, sum] : sums) {
    EXPECT_NEAR(value_of(report.metrics, name), sum / num_users, 1e-12) << name;
    EXPECT_NEAR(value_of(report.baseline, name), baseline_sums[name] / num_users, 1e-12) << name;
    EXPECT_NEAR(value_of(report.differences, name), (sum - baseline_sums[name]) / num_users, 1e-12) << name;
  }
  for (const MetricValue& metric : report.metrics) {
    if (!metric.interval) continue;
    EXPECT_LE(metric.interval->low, metric.value);
    EXPECT_GE(metric.interval->high, metric.value);
  }

  config.batch_users = 7;
  const auto in_batches = evaluate(world(), model, popular, split.train, tested, config, phases);
  EXPECT_EQ(report.to_json().dump(), in_batches.to_json().dump());
}

TEST(Evaluate, MeasuresListsMadeInAnotherWayBesideTheModel) {
  const HandCase hand;
  const Model model = bias_model(hand.train, "als", {0, 1, 2, 3}),
              other = bias_model(hand.train, "als", {3, 2, 1, 0});
  EvaluateConfig config;
  config.at = {1};
  PhaseLog phases;
  const auto plain = evaluate(world(), other, model, hand.train, hand.held_out, config, phases);
  config.lists = [&](const TopRequest& request) {
    return top_items(world(), other, hand.train, request, phases);
  };
  config.segment_bounds = {2, 7};
  const auto report = evaluate(world(), model, model, hand.train, hand.held_out, config, phases);
  for (const char* name : {"recall@1", "ndcg@1", "coverage@1"}) {
    EXPECT_EQ(value_of(report.metrics, name), value_of(plain.metrics, name)) << name;
    EXPECT_EQ(value_of(report.baseline, name), value_of(plain.baseline, name)) << name;
  }
  EXPECT_EQ(value_of(report.metrics, "overlap@1"), 0);
  EXPECT_EQ(value_of(report.segments[0].metrics, "overlap@1"), 0);
  // User 1 has one training pair, user 0 two, nobody seven.
  const auto json = report.to_json().at("segments");
  ASSERT_EQ(json.size(), 3U);
  EXPECT_EQ(json[0].at("users"), 1);
  EXPECT_EQ(json[0].at("pairs_below"), 2);
  EXPECT_EQ(json[0].at("recall@1").at("value"), 0.5);  // item 1 of 1 and 3
  EXPECT_EQ(json[1].at("least_pairs"), 2);
  EXPECT_EQ(json[1].at("difference").at("recall@1").at("value"), 1.0);  // item 2 in place of 3
  EXPECT_EQ(json[2].at("users"), 0);
  EXPECT_TRUE(json[2].at("pairs_below").is_null());
  EXPECT_FALSE(json[2].contains("recall@1"));
  EXPECT_NE(report.to_text().find("1 users with 2 to 6 training pairs"), std::string::npos)
      << report.to_text();
}

/// Item 0 is of half of the users and so one bit of surprise, item 1 of a quarter and two bits. Of those who
/// have neither, all are to find item 1, and the model shows it to every third: novelty is one bit more than
/// the hit rate.
TEST(Evaluate, HasIntervalsOfNovelty) {
  std::vector<Interaction> pairs, wanted;
  for (Count user = 0; user < 48; ++user) pairs.push_back({user, user < 32 ? 0 : 1, 0, 1});
  for (Count user = 48; user < 64; ++user) wanted.push_back({user, 1, 0, 1});
  const Dataset train = dataset_of(world(), 64, 2, pairs);
  Model model = bias_model(train, "als", {0, 0});
  model.item_bias.clear();
  model.user_factors = {train.users.range(world().rank()), 1, {}};
  for (Count user = model.user_factors.rows.begin; user < model.user_factors.rows.end; ++user)
    model.user_factors.values.push_back(user % 3 == 0 ? 1.0F : -1.0F);
  model.item_factors = {train.items.range(world().rank()), 1, {}};
  for (Count item = model.item_factors.rows.begin; item < model.item_factors.rows.end; ++item)
    model.item_factors.values.push_back(item == 1 ? 1.0F : -1.0F);
  EvaluateConfig config;
  config.at = {1};
  config.segment_bounds = {1};
  PhaseLog phases;
  const auto report = evaluate(world(), model, bias_model(train, "popular", {2, 1}), train,
                               held_out_pairs(train, wanted), config, phases);
  const auto metric = [](const std::vector<MetricValue>& metrics, const std::string& name) {
    return *std::ranges::find(metrics, name, &MetricValue::name);
  };
  for (const ComparedMetrics* found : {static_cast<const ComparedMetrics*>(&report),
                                       static_cast<const ComparedMetrics*>(&report.segments[0])}) {
    const MetricValue hits = metric(found->metrics, "hit_rate@1");
    EXPECT_NEAR(hits.value, 6.0 / 16, 1e-12);
    EXPECT_LT(hits.interval->low, hits.interval->high);
    for (const auto& [novelty, more] : {std::pair{metric(found->metrics, "novelty@1"), 1.0},
                                        std::pair{metric(found->differences, "novelty@1"), 0.0}}) {
      EXPECT_NEAR(novelty.value, hits.value + more, 1e-12);
      EXPECT_NEAR(novelty.interval->low, hits.interval->low + more, 1e-12);
      EXPECT_NEAR(novelty.interval->high, hits.interval->high + more, 1e-12);
    }
    EXPECT_EQ(metric(found->baseline, "novelty@1").value, 1);
  }
}

TEST(Evaluate, GivesTheSameBitsOnOneRank) {
  SmallDataset shape;
  shape.num_users = 80;
  shape.num_items = 60;
  shape.value_kind = ValueKind::rating;
  const auto run = [&](const Communicator& comm) {
    const Dataset dataset = small_dataset(comm, shape);
    const Split split = hold_out(comm, dataset, {SplitKind::random, 0.3, 1, 4});
    const auto fill = [](Range rows, std::uint64_t seed) {
      FactorTable table{rows, 4, {}};
      for (Count row = rows.begin; row < rows.end; ++row) {
        const RandomStream random(seed, static_cast<std::uint64_t>(row));
        for (std::uint64_t c = 0; c < 4; ++c) table.values.push_back(static_cast<float>(random.normal(c)));
      }
      return table;
    };
    Model model;
    model.family = "als";
    model.users = dataset.users;
    model.items = dataset.items;
    model.predicts_ratings = true;
    model.mean = 3.25;
    model.user_factors = fill(dataset.users.range(comm.rank()), 1);
    model.item_factors = fill(dataset.items.range(comm.rank()), 2);
    Model popular;
    popular.family = "popular";
    popular.users = dataset.users;
    popular.items = dataset.items;
    const Range owned = dataset.items.range(comm.rank());
    for (Count item = owned.begin; item < owned.end; ++item)
      popular.item_bias.push_back(static_cast<float>(60 - item));
    EvaluateConfig config;
    config.at = {5, 20};
    config.replicates = 100;
    config.segment_bounds = {3, 10};
    PhaseLog phases;
    const auto report = evaluate(comm, model, popular, split.train, split.held_out, config, phases);
    return report.to_json().dump() +
           std::to_string(validation_metric(comm, model, split.train, split.held_out, 7));
  };
  const Communicator alone = world().split(world().rank(), 0);
  EXPECT_EQ(run(world()), run(alone));
}

TEST(Evaluate, ReportsForProgramsAndPeople) {
  const HandCase hand;
  EvaluateConfig config;
  config.at = {2};
  config.replicates = 20;
  PhaseLog phases;
  const auto report =
      evaluate(world(), hand.popular, hand.popular, hand.train, hand.held_out, config, phases);
  const auto json = report.to_json();
  for (const char* key : {"value", "low", "high"}) {
    EXPECT_TRUE(json.at("recall@2").at(key).is_number());
    EXPECT_TRUE(json.at("baseline").at("ndcg@2").at(key).is_number());
    EXPECT_EQ(json.at("difference").at("mrr@2").at(key), 0.0);
  }
  EXPECT_EQ(json.at("users"), 2);
  EXPECT_EQ(json.at("pairs"), 3);
  EXPECT_EQ(json.at("left_out").at("unknown_users"), 0);
  EXPECT_FALSE(json.at("coverage@2").contains("low"));
  EXPECT_FALSE(json.contains("rmse"));
  EXPECT_NE(report.to_text().find("recall@2       0.7500 ["), std::string::npos) << report.to_text();
  EXPECT_EQ(report.find("nothing"), nullptr);
}

TEST(Evaluate, RefusesWhatCannotBeMeasured) {
  const HandCase hand;
  PhaseLog phases;
  const auto run = [&](const EvaluateConfig& config, const HeldOut& held_out) {
    evaluate(world(), hand.popular, hand.popular, hand.train, held_out, config, phases);
  };
  EvaluateConfig config;
  EXPECT_THROW(run(config, held_out_pairs(hand.train, {})), InputError);
  config.at = {0};
  EXPECT_THROW(run(config, hand.held_out), CollectiveError);
  config.at = {};
  EXPECT_THROW(run(config, hand.held_out), CollectiveError);
  config.at = {5};
  config.replicates = -1;
  EXPECT_THROW(run(config, hand.held_out), CollectiveError);
  config.replicates = 0;
  for (const std::vector<Count>& bounds : {std::vector<Count>{0}, {5, 5}, {9, 5}}) {
    config.segment_bounds = bounds;
    EXPECT_THROW(run(config, hand.held_out), CollectiveError);
  }
}

}  // namespace
}  // namespace pushcart::test
