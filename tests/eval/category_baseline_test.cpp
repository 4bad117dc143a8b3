#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "eval/metric_value.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/popular.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

constexpr Count shop_users = 90, shop_items = 70;

/// Five kinds of items, and every seventh item of none.
std::string kind_of(Count item) {
  return item % 7 == 3 ? "" : "kind " + std::to_string(item * item % 5);
}

/// A shop whose first users have items of no kind only, and the training part of its pairs.
struct Shop {
  Split split;
  Model popular, model;

  explicit Shop(const Communicator& comm) {
    const Dataset random = small_dataset(comm, {.num_users = shop_users, .num_items = shop_items});
    std::vector<Interaction> pairs;
    for (const Interaction& pair : all_pairs(comm, random)) {
      if (pair.user > 3 || kind_of(pair.item).empty()) pairs.push_back(pair);
    }
    Dataset dataset = dataset_of(comm, shop_users, shop_items, pairs);
    TextColumn kinds;
    kinds.name = "kind";
    const Range owned = dataset.items.range(comm.rank());
    for (Count item = owned.begin; item < owned.end; ++item) kinds.values.push_back(kind_of(item));
    dataset.item_attributes.push_back(std::move(kinds));
    split = hold_out(comm, dataset, {SplitKind::random, 0.3, 1, 4});
    popular = train_popular(comm, split.train, PopularConfig{});
    model = popular;
    model.family = "upside down";
    for (float& bias : model.item_bias) bias = -bias;
  }

  EvaluationReport measured(const Communicator& comm, const std::string& attribute) const {
    EvaluateConfig config;
    config.at = {3, 10};
    config.replicates = 60;
    config.segment_bounds = {5, 9};
    config.category_attribute = attribute;
    PhaseLog phases;
    return evaluate(comm, model, popular, split.train, split.held_out, config, phases);
  }
};

/// What is popular among the kinds of a user's items, then among all, from what each user has.
class PlainCategories {
 public:
  explicit PlainCategories(const std::vector<std::set<Count>>& has) : has_(has) {
    for (const auto& items : has) {
      for (const Count item : items) ++users_of_[item];
    }
    for (const auto& [item, users] : users_of_) totals_[kind_of(item)] += users;
  }

  std::vector<Count> list_of(std::size_t user) const {
    std::map<std::string, double> counts;
    double all = 0;
    for (const Count item : has_[user]) {
      if (kind_of(item).empty()) continue;
      ++counts[kind_of(item)];
      ++all;
    }
    std::vector<std::pair<double, Count>> of_kinds, others;
    for (Count item = 0; item < shop_items; ++item) {
      if (has_[user].contains(item)) continue;
      const double users = users_of_.contains(item) ? users_of_.at(item) : 0;
      if (users > 0 && counts.contains(kind_of(item)))
        of_kinds.push_back({-(counts[kind_of(item)] / all * users / totals_.at(kind_of(item))), item});
      else
        others.push_back({-users, item});
    }
    std::vector<Count> list;
    for (auto* part : {&of_kinds, &others}) {
      std::sort(part->begin(), part->end());
      for (const auto& entry : *part) list.push_back(entry.second);
    }
    return list;
  }

 private:
  const std::vector<std::set<Count>>& has_;
  std::map<Count, double> users_of_;
  std::map<std::string, double> totals_;
};

std::vector<std::set<Count>> items_of_users(const std::vector<Interaction>& pairs) {
  std::vector<std::set<Count>> has(shop_users);
  for (const Interaction& pair : pairs) has[static_cast<std::size_t>(pair.user)].insert(pair.item);
  return has;
}

TEST(CategoryBaseline, AgreesWithPlainListsForAllUsersAndSegments) {
  const Shop shop(world());
  const auto has = items_of_users(all_pairs(world(), shop.split.train));
  Dataset tested = shop.split.train;
  tested.by_user = shop.split.held_out.by_user;
  tested.last_time.assign(tested.by_user.columns.size(), 0);
  const auto wanted = items_of_users(all_pairs(world(), tested));
  const PlainCategories plain(has);

  std::array<std::map<std::string, double>, 4> sums;  // of all users, then by segment
  std::array<double, 4> users{};
  std::map<Count, std::set<Count>> shown;
  Count without_kind = 0;
  for (std::size_t user = 0; user < has.size(); ++user) {
    if (wanted[user].empty()) continue;
    const auto list = plain.list_of(user);
    const std::vector<Count> relevant(wanted[user].begin(), wanted[user].end());
    if (std::all_of(has[user].begin(), has[user].end(), [](Count item) { return kind_of(item).empty(); }))
      ++without_kind;
    const std::size_t segment = has[user].size() < 5 ? 1 : has[user].size() < 9 ? 2 : 3;
    for (const std::size_t part : {std::size_t{0}, segment}) {
      ++users[part];
      for (const Count n : {3, 10}) {
        const auto values = as_array(ranking_metrics(list, relevant, n));
        for (std::size_t kind = 0; kind < values.size(); ++kind)
          sums[part][std::string(ranking_metric_names[kind]) + "@" + std::to_string(n)] += values[kind];
      }
    }
    for (const Count n : {3, 10}) shown[n].insert(list.begin(), list.begin() + n);
  }
  EXPECT_GT(without_kind, 0);

  const auto report = shop.measured(world(), "kind");
  const std::array<const ComparedMetrics*, 4> parts{&report, &report.segments[0], &report.segments[1],
                                                    &report.segments[2]};
  bool differs = false;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    EXPECT_GT(users[part], 0);
    EXPECT_EQ(sums[part].size(), 12U);
    for (const auto& [name, sum] : sums[part]) {
      const double mean = sum / users[part];
      EXPECT_NEAR(value_of(parts[part]->category_baseline, name), mean, 1e-12) << name << part;
      EXPECT_NEAR(value_of(parts[part]->category_differences, name),
                  value_of(parts[part]->metrics, name) - mean, 1e-12)
          << name << part;
      differs = differs || std::abs(value_of(parts[part]->baseline, name) - mean) > 0.01;
    }
  }
  EXPECT_TRUE(differs);  // from what is popular among all
  for (const auto& [n, items] : shown) {
    EXPECT_NEAR(value_of(report.category_baseline, "coverage@" + std::to_string(n)),
                static_cast<double>(items.size()) / shop_items, 1e-12);
  }
}

/// The same lists as those of a model have its intervals.
TEST(CategoryBaseline, HasTheIntervalsOfItsListsPairedWithTheModel) {
  const Shop shop(world());
  const auto has = items_of_users(all_pairs(world(), shop.split.train));
  const PlainCategories plain(has);
  EvaluateConfig config;
  config.at = {3, 10};
  config.replicates = 60;
  config.segment_bounds = {5, 9};
  config.lists = [&](const TopRequest& request) {
    TopLists lists;
    lists.rows = request.users;
    lists.source_names = {"plain"};
    lists.offsets = {0};
    for (const Count user : request.users) {
      const auto list = plain.list_of(static_cast<std::size_t>(user));
      lists.items.insert(lists.items.end(), list.begin(), list.begin() + request.n);
      lists.offsets.push_back(static_cast<Count>(lists.items.size()));
    }
    lists.scores.assign(lists.items.size(), 0);
    lists.sources.assign(lists.items.size(), 0);
    return lists;
  };
  PhaseLog phases;
  const auto reference =
      evaluate(world(), shop.model, shop.model, shop.split.train, shop.split.held_out, config, phases);
  const auto report = shop.measured(world(), "kind");
  const auto check = [](const ComparedMetrics& found, const ComparedMetrics& wanted) {
    ASSERT_EQ(found.category_differences.size(), 14U);  // novelty's too
    for (const MetricValue& metric : found.category_baseline) {
      const auto same = std::find_if(wanted.metrics.begin(), wanted.metrics.end(),
                                     [&](const MetricValue& other) { return other.name == metric.name; });
      EXPECT_EQ(metric.value, same->value) << metric.name;
      ASSERT_EQ(metric.interval.has_value(), same->interval.has_value());
      if (!metric.interval) continue;
      EXPECT_EQ(metric.interval->low, same->interval->low) << metric.name;
      EXPECT_EQ(metric.interval->high, same->interval->high) << metric.name;
    }
    for (std::size_t i = 0; i < found.category_differences.size(); ++i) {
      // Model minus lists by categories here, the other way round there.
      EXPECT_EQ(found.category_differences[i].name, wanted.differences[i].name);
      EXPECT_NEAR(found.category_differences[i].interval->low, -wanted.differences[i].interval->high, 1e-12);
      EXPECT_NEAR(found.category_differences[i].interval->high, -wanted.differences[i].interval->low, 1e-12);
    }
  };
  check(report, reference);
  for (std::size_t s = 0; s < 3; ++s) check(report.segments[s], reference.segments[s]);
}

TEST(CategoryBaseline, IsTheSameOnOneRankAndAddsToTheReportOnly) {
  const auto run = [](const Communicator& comm, const std::string& attribute) {
    return Shop(comm).measured(comm, attribute).to_json();
  };
  const Communicator alone = world().split(world().rank(), 0);
  auto found = run(world(), "kind");
  EXPECT_EQ(found.dump(), run(alone, "kind").dump());
  EXPECT_EQ(found.at("category_attribute"), "kind");
  EXPECT_TRUE(found.at("segments").at(1).at("category_baseline").at("ndcg@3").at("low").is_number());
  EXPECT_TRUE(found.at("category_difference").at("mrr@10").at("high").is_number());
  for (const char* key : {"category_attribute", "category_baseline", "category_difference"}) found.erase(key);
  for (auto& segment : found.at("segments")) {
    segment.erase("category_baseline");
    segment.erase("category_difference");
  }
  EXPECT_EQ(found.dump(), run(world(), "").dump());
}

TEST(CategoryBaseline, IsInTheTableOrSaidToBeMissing) {
  const Shop shop(world());
  const auto text = shop.measured(world(), "kind").to_text();
  EXPECT_NE(text.find("popular by 'kind'"), std::string::npos) << text;
  EXPECT_EQ(text.find("without popularity by category"), std::string::npos) << text;
  const auto report = shop.measured(world(), "colour");
  EXPECT_TRUE(report.category_baseline.empty());
  EXPECT_NE(report.to_text().find("without popularity by category: the items have no attribute 'colour'\n"),
            std::string::npos);
  EXPECT_EQ(shop.measured(world(), "").to_text().find("category"), std::string::npos);
}

}  // namespace
}  // namespace pushcart::test
