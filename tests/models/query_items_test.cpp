#include "pushcart/models/query_items.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "pushcart/base/error.hpp"
#include "support/random_searches.hpp"
#include "support/world.hpp"

namespace pushcart::query_items_test {
namespace {

using test::PlainAct;
using test::PlainSearch;
using test::world;

using Weights = std::map<std::pair<Count, Count>, double>;  // by query and item

Dataset dataset_with_searches(std::uint64_t seed) {
  Dataset dataset = test::small_dataset(
      world(),
      {.num_users = 37, .num_items = 29, .density = 0.25, .seed = seed, .types = {"view", "cart", "buy"}});
  test::add_searches(world(), dataset, 23, seed);
  return dataset;
}

/// Whether no pause between two moments of a user is longer than the gap.
bool in_one_session(std::int64_t from, std::int64_t to, Count user, const std::vector<PlainSearch>& searches,
                    const std::vector<PlainAct>& acts, std::int64_t gap) {
  std::vector<std::int64_t> moments;
  for (const auto& search : searches)
    if (search.user == user) moments.push_back(search.time);
  for (const auto& act : acts)
    if (act.user == user) moments.push_back(act.time);
  std::erase_if(moments, [&](auto moment) { return moment < from || moment > to; });
  std::sort(moments.begin(), moments.end());
  for (std::size_t n = 1; n < moments.size(); ++n)
    if (moments[n] - moments[n - 1] > gap) return false;
  return true;
}

/// Position of the search that an act belongs to; -1 = none.
int search_of(const PlainAct& act, const std::vector<PlainSearch>& searches,
              const std::vector<PlainAct>& acts, std::int64_t gap) {
  int latest = -1, same_event = -1;
  for (std::size_t s = 0; s < searches.size(); ++s) {
    const auto& search = searches[s];
    if (search.user != act.user || search.time > act.time) continue;
    latest = static_cast<int>(s);
    if (search.time == act.time && search.item == act.item) same_event = latest;
  }
  if (same_event >= 0) return same_event;
  if (latest < 0) return -1;
  return in_one_session(searches[static_cast<std::size_t>(latest)].time, act.time, act.user, searches, acts,
                        gap)
             ? latest
             : -1;
}

/// @param worth  by type; 0 = does not count
Weights by_hand(const std::vector<PlainSearch>& searches, const std::vector<PlainAct>& all_acts,
                const std::vector<double>& worth, std::int64_t gap) {
  std::vector<PlainAct> acts = all_acts;
  std::erase_if(acts, [&](const PlainAct& act) { return worth[static_cast<std::size_t>(act.type)] == 0; });
  double least = 1e300;
  for (const double one : worth)
    if (one > 0) least = std::min(least, one);
  Weights weights;
  std::vector<char> has_own(searches.size(), 0);
  for (const auto& act : acts) {
    const int search = search_of(act, searches, acts, gap);
    if (search < 0) continue;
    const auto& found = searches[static_cast<std::size_t>(search)];
    weights[{found.query, act.item}] += worth[static_cast<std::size_t>(act.type)];
    if (found.item == act.item) has_own[static_cast<std::size_t>(search)] = 1;
  }
  for (std::size_t s = 0; s < searches.size(); ++s) {
    if (searches[s].item >= 0 && !has_own[s]) weights[{searches[s].query, searches[s].item}] += least;
  }
  return weights;
}

/// Of all ranks, on every rank.
Weights gathered(const SparseRows& rows) {
  std::vector<Count> queries, items;
  std::vector<float> values;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (const Count item : rows.row_columns(row)) {
      queries.push_back(rows.rows.begin + row);
      items.push_back(item);
    }
  }
  queries = test::all_rows(world(), queries);
  items = test::all_rows(world(), items);
  values = test::all_rows(world(), rows.values);
  Weights weights;
  for (std::size_t n = 0; n < values.size(); ++n)
    weights[{queries[n], items[n]}] = static_cast<double>(values[n]);
  EXPECT_EQ(weights.size(), values.size());
  return weights;
}

void expect_near(const Weights& found, const Weights& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [pair, weight] : expected) {
    ASSERT_TRUE(found.contains(pair)) << pair.first << " " << pair.second;
    EXPECT_NEAR(found.at(pair), weight, 1e-5 * weight) << pair.first << " " << pair.second;
  }
}

TEST(QueryItems, SumWhatSearchesLedTo) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Dataset dataset = dataset_with_searches(seed);
    const auto searches = test::all_searches(world(), dataset);
    const auto acts = test::all_acts(world(), dataset);
    const auto expected = by_hand(searches, acts, {1, 0, 5}, 1800);
    EXPECT_GT(expected.size(), 100U);
    expect_near(gathered(query_items(world(), dataset, {30, {{"view", 1}, {"cart", 0}, {"buy", 5}}})),
                expected);
  }
}

TEST(QueryItems, AreWorthTheMeanStrengthOfTheirType) {
  const Dataset dataset = dataset_with_searches(4);
  const auto acts = test::all_acts(world(), dataset);
  std::vector<double> sums(3, 0), counts(3, 0);
  for (const auto& act : acts) {
    sums[static_cast<std::size_t>(act.type)] += act.strength;
    counts[static_cast<std::size_t>(act.type)] += 1;
  }
  for (std::size_t type = 0; type < 3; ++type) sums[type] /= counts[type];
  expect_near(gathered(query_items(world(), dataset, {60, {}})),
              by_hand(test::all_searches(world(), dataset), acts, sums, 3600));
}

TEST(QueryItems, AreTheSameBitsOnAnyRanks) {
  const Communicator self = world().split(world().rank(), 0);
  Dataset alone = test::small_dataset(
      self, {.num_users = 37, .num_items = 29, .density = 0.25, .seed = 5, .types = {"view", "cart", "buy"}});
  test::add_searches(self, alone, 23, 5);
  const SparseRows whole = query_items(self, alone, {}),
                   mine = query_items(world(), dataset_with_searches(5), {});
  EXPECT_EQ(test::all_rows(world(), mine.columns), whole.columns);
  EXPECT_EQ(test::all_rows(world(), mine.values), whole.values);
}

TEST(QueryItems, AreItemsOfTheirOwnEventsWithoutTimes) {
  Dataset dataset = dataset_with_searches(6);
  dataset.cutoff_time = 0;
  std::fill(dataset.searches->time.begin(), dataset.searches->time.end(), 0);
  Weights expected;
  for (const auto& search : test::all_searches(world(), dataset)) {
    if (search.item >= 0) expected[{search.query, search.item}] += 2;
  }
  expect_near(gathered(query_items(world(), dataset, {30, {{"view", 2}, {"buy", 3}}})), expected);
}

bool fits(const Dataset& dataset, Count budget_bytes) {
  try {
    query_items(world(), dataset, {30, {{"view", 1}, {"cart", 1}, {"buy", 1}}, budget_bytes});
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

TEST(QueryItems, PlanWhatSearchesLedToBeforeItIsThere) {
  const Dataset dataset = dataset_with_searches(8);
  const SparseRows rows = query_items(world(), dataset, {30, {{"view", 1}, {"cart", 1}, {"buy", 1}}});
  // A 1 for all that a query led to: query, item, user and worth of each, and the sum of each pair.
  const Count num_led = static_cast<Count>(std::accumulate(rows.values.begin(), rows.values.end(), 0.0));
  const Count held = num_led * 32 + rows.num_entries() * 12;
  Count least = 1, enough = Count{1} << 30;
  ASSERT_TRUE(fits(dataset, enough));
  while (least + 1 < enough) {
    const Count middle = (least + enough) / 2;
    (fits(dataset, middle) ? enough : least) = middle;
  }
  EXPECT_GE(enough, world().allreduce(held, Reduce::max));
  // Both ends and the way between them, on a rank that has all.
  EXPECT_LE(enough, world().sum(num_led) * (2 * 32 + 12 + 32 + 12) + 24 * 8);
}

TEST(QueryItems, RefuseWhatMakesNoSense) {
  const Dataset dataset = dataset_with_searches(7);
  EXPECT_THROW(query_items(world(), dataset, {0, {}}), ConfigError);
  EXPECT_ANY_THROW(query_items(world(), dataset, {30, {{"veiw", 1}}}));
  EXPECT_ANY_THROW(query_items(world(), dataset, {30, {{"view", -1}}}));
  EXPECT_ANY_THROW(query_items(world(), dataset, {30, {{"view", 0}}}));
}

}  // namespace
}  // namespace pushcart::query_items_test
