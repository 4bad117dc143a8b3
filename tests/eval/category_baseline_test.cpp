#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "eval/metric_value.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/eval/random_order.hpp"
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

EvaluationReport measured_beside(const Communicator& comm, const Model& model, const Model& baseline,
                                 const Split& split, Candidates among, const std::string& attribute) {
  EvaluateConfig config;
  config.at = {3, 10};
  config.replicates = 60;
  config.among = among;
  config.segment_bounds = {5, 9};
  config.category_attribute = attribute;
  PhaseLog phases;
  return evaluate(comm, model, baseline, split.train, split.held_out, config, phases);
}

/// Takes away what a report has by categories.
void erase_categories(nlohmann::ordered_json& report) {
  for (const char* key : {"category_attribute", "category_baseline", "category_difference"})
    report.erase(key);
  for (auto& segment : report.at("segments")) {
    segment.erase("category_baseline");
    segment.erase("category_difference");
  }
}

/// A shop whose first users have items of no kind only, and the training part of its pairs.
struct Shop {
  Split split;
  Model popular, model;

  explicit Shop(const Communicator& comm, SplitKind kind = SplitKind::random) {
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
    split = hold_out(comm, dataset, {kind, 0.3, 1, 4});
    popular = train_popular(comm, split.train, PopularConfig{});
    model = popular;
    model.family = "upside down";
    for (float& bias : model.item_bias) bias = -bias;
  }

  EvaluationReport measured(const Communicator& comm, const std::string& attribute) const {
    return measured_beside(comm, model, popular, split, Candidates::all, attribute);
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

std::vector<Interaction> tested_pairs(const Communicator& comm, const Split& split) {
  Dataset tested = split.train;
  tested.by_user = split.held_out.by_user;
  tested.last_time.assign(tested.by_user.columns.size(), 0);
  return all_pairs(comm, tested);
}

/// Means over all users, then by segment, made one list after another.
struct PlainMeans {
  std::array<std::map<std::string, double>, 4> sums;
  std::array<double, 4> users{};

  void add(const std::vector<Count>& list, const std::set<Count>& wanted, std::size_t num_pairs) {
    const std::vector<Count> relevant(wanted.begin(), wanted.end());
    const std::size_t segment = num_pairs < 5 ? 1 : num_pairs < 9 ? 2 : 3;
    for (const std::size_t part : {std::size_t{0}, segment}) {
      ++users[part];
      for (const Count n : {3, 10}) {
        const auto values = as_array(ranking_metrics(list, relevant, n));
        for (std::size_t kind = 0; kind < values.size(); ++kind)
          sums[part][std::string(ranking_metric_names[kind]) + "@" + std::to_string(n)] += values[kind];
      }
    }
  }

  /// That the report has these of its category baseline, and that they are not those of its baseline.
  void expect_in(const EvaluationReport& report) const {
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
    EXPECT_TRUE(differs);
  }
};

bool has_no_kind(const std::set<Count>& items) {
  return std::all_of(items.begin(), items.end(), [](Count item) { return kind_of(item).empty(); });
}

TEST(CategoryBaseline, AgreesWithPlainListsForAllUsersAndSegments) {
  const Shop shop(world());
  const auto has = items_of_users(all_pairs(world(), shop.split.train));
  const auto wanted = items_of_users(tested_pairs(world(), shop.split));
  const PlainCategories plain(has);

  PlainMeans means;
  std::map<Count, std::set<Count>> shown;
  Count without_kind = 0;
  for (std::size_t user = 0; user < has.size(); ++user) {
    if (wanted[user].empty()) continue;
    const auto list = plain.list_of(user);
    if (has_no_kind(has[user])) ++without_kind;
    means.add(list, wanted[user], has[user].size());
    for (const Count n : {3, 10}) shown[n].insert(list.begin(), list.begin() + n);
  }
  EXPECT_GT(without_kind, 0);

  const auto report = shop.measured(world(), "kind");
  means.expect_in(report);
  for (const auto& [n, items] : shown) {
    EXPECT_NEAR(value_of(report.category_baseline, "coverage@" + std::to_string(n)),
                static_cast<double>(items.size()) / shop_items, 1e-12);
  }
}

/// The lists of cold items: by the share of their kind among the user's items over its number of cold items,
/// then by the baseline's order alone.
std::vector<Count> plain_cold_list(const std::set<Count>& has, const std::set<Count>& cold,
                                   const std::vector<float>& order) {
  std::map<std::string, double> counts, sizes;
  double all = 0;
  for (const Count item : has) {
    if (kind_of(item).empty()) continue;
    ++counts[kind_of(item)];
    ++all;
  }
  for (const Count item : cold) ++sizes[kind_of(item)];
  std::vector<std::tuple<double, float, Count>> sorted;
  for (const Count item : cold) {
    const std::string kind = kind_of(item);
    const double score = kind.empty() || !counts.contains(kind) ? 0 : counts[kind] / all / sizes[kind];
    sorted.emplace_back(-score, -order[static_cast<std::size_t>(item)], item);
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<Count> list;
  for (const auto& entry : sorted) list.push_back(std::get<2>(entry));
  return list;
}

/// A shop with a third of its items held out whole.
struct ColdShop {
  Split split;
  Model order, model;

  explicit ColdShop(const Communicator& comm) : split(Shop(comm, SplitKind::items).split) {
    order = random_order(comm, split.train, 1);
    model = random_order(comm, split.train, 2);
  }

  EvaluationReport measured(const Communicator& comm, const std::string& attribute) const {
    return measured_beside(comm, model, order, split, Candidates::cold, attribute);
  }
};

TEST(CategoryBaseline, OfColdItemsAgreesWithPlainListsForAllUsersAndSegments) {
  const ColdShop shop(world());
  const auto has = items_of_users(all_pairs(world(), shop.split.train));
  const auto wanted = items_of_users(tested_pairs(world(), shop.split));
  const auto order = all_rows(world(), shop.order.item_bias);
  std::set<Count> cold;
  for (Count item = 0; item < shop_items; ++item) cold.insert(item);
  for (const auto& items : has) {
    for (const Count item : items) cold.erase(item);
  }

  PlainMeans means;
  std::set<Count> shown;
  Count by_chance = 0;
  for (std::size_t user = 0; user < has.size(); ++user) {
    if (wanted[user].empty()) continue;
    const auto list = plain_cold_list(has[user], cold, order);
    if (has_no_kind(has[user])) ++by_chance;
    means.add(list, wanted[user], has[user].size());
    shown.insert(list.begin(), list.begin() + 3);
  }
  EXPECT_GT(by_chance, 0);
  EXPECT_LT(cold.size(), shop_items / 2);

  const auto report = shop.measured(world(), "kind");
  means.expect_in(report);
  EXPECT_NEAR(value_of(report.category_baseline, "coverage@3"),
              static_cast<double>(shown.size()) / shop_items, 1e-12);
}

TEST(CategoryBaseline, OfColdItemsIsTheSameOnOneRankAndAddsToTheReportOnly) {
  const auto run = [](const Communicator& comm, const std::string& attribute) {
    return ColdShop(comm).measured(comm, attribute).to_json();
  };
  const Communicator alone = world().split(world().rank(), 0);
  auto found = run(world(), "kind");
  EXPECT_EQ(found.dump(), run(alone, "kind").dump());
  EXPECT_TRUE(found.at("category_baseline").at("ndcg@3").at("low").is_number());
  EXPECT_TRUE(found.at("category_difference").at("mrr@10").at("high").is_number());
  erase_categories(found);
  EXPECT_EQ(found.dump(), run(world(), "").dump());
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
  erase_categories(found);
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
