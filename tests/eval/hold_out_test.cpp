#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "pushcart/base/random.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/split.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using Pair = std::pair<Count, Count>;

std::map<Pair, float> pairs_of(const SparseRows& rows) {
  struct Entry {
    Count row, column;
    float value;
  };
  std::vector<Entry> mine;
  for (Count r = 0; r < rows.num_rows(); ++r) {
    for (std::size_t e = 0; e < rows.row_columns(r).size(); ++e) {
      mine.push_back({rows.rows.begin + r, rows.row_columns(r)[e], rows.row_values(r)[e]});
    }
  }
  std::map<Pair, float> result;
  for (const Entry& entry : all_rows(world(), mine)) {
    EXPECT_TRUE(result.insert({{entry.row, entry.column}, entry.value}).second);
  }
  return result;
}

Dataset timed_dataset() {
  SmallDataset shape;
  shape.num_users = 60;
  shape.num_items = 50;
  shape.has_times = true;
  shape.types = {"view", "purchase"};
  return small_dataset(world(), shape);
}

void expect_division(const Dataset& dataset, const Split& split) {
  const auto whole = pairs_of(dataset.by_user);
  auto united = pairs_of(split.train.by_user);
  const auto held_out = pairs_of(split.held_out.by_user);
  const std::size_t num_train = united.size();
  united.insert(held_out.begin(), held_out.end());
  EXPECT_EQ(united.size(), num_train + held_out.size());  // disjoint
  EXPECT_EQ(united, whole);
  EXPECT_EQ(split.held_out.num_pairs, static_cast<Count>(held_out.size()));
  EXPECT_NE(split.train.digest, dataset.digest);
  EXPECT_EQ(split.train.users, dataset.users);
  EXPECT_EQ(split.train.item_ids, dataset.item_ids);

  std::map<Pair, float> transposed;
  for (const auto& [pair, value] : pairs_of(split.train.by_item))
    transposed[{pair.second, pair.first}] = value;
  EXPECT_EQ(transposed, pairs_of(split.train.by_user));
}

/// Columns of the kept entries, looked up pair by pair in the whole dataset.
void expect_columns_kept(const Dataset& dataset, const Dataset& train) {
  ASSERT_EQ(train.events.size(), dataset.events.size());
  ASSERT_EQ(train.last_time.size(), train.by_user.columns.size());
  for (Count row = 0; row < train.by_user.num_rows(); ++row) {
    for (Count e = 0; e < train.by_user.row_length(row); ++e) {
      const auto at = static_cast<std::size_t>(train.by_user.offsets[static_cast<std::size_t>(row)] + e);
      const auto whole = dataset.by_user.row_columns(row);
      const auto found = std::find(whole.begin(), whole.end(), train.by_user.columns[at]);
      const auto from = static_cast<std::size_t>(dataset.by_user.offsets[static_cast<std::size_t>(row)] +
                                                 (found - whole.begin()));
      EXPECT_EQ(train.last_time[at], dataset.last_time[from]);
      for (std::size_t type = 0; type < train.events.size(); ++type) {
        EXPECT_EQ(train.events[type].type, dataset.events[type].type);
        EXPECT_EQ(train.events[type].strength[at], dataset.events[type].strength[from]);
        EXPECT_EQ(train.events[type].last_time[at], dataset.events[type].last_time[from]);
      }
    }
  }
}

TEST(HoldOut, TossesACoinForEachPairByItsIds) {
  const Dataset dataset = timed_dataset();
  const Split split = hold_out(world(), dataset, {SplitKind::random, 0.3, 1, 17});
  expect_division(dataset, split);
  expect_columns_kept(dataset, split.train);
  const auto held_out = pairs_of(split.held_out.by_user);
  for (const auto& entry : pairs_of(dataset.by_user)) {
    const auto [user, item] = entry.first;
    const RandomStream coin(
        17, mix_bits(hash_text(fmt::format("u{}", user))) ^ hash_text(fmt::format("i{}", item)));
    EXPECT_EQ(held_out.count({user, item}) == 1, coin.uniform(0) < 0.3);
  }
  EXPECT_NE(pairs_of(hold_out(world(), dataset, {SplitKind::random, 0.3, 1, 18}).held_out.by_user), held_out);
}

TEST(HoldOut, GivesPairsOfPopularItemsOtherChances) {
  const Dataset dataset = timed_dataset();
  std::map<Count, double> users;  // by item
  const auto whole = pairs_of(dataset.by_user);
  for (const auto& entry : whole) users[entry.first.second] += 1;
  for (const double power : {-4.0, -1.0, 0.5, 2.0}) {
    double weight = 0;
    for (const auto& entry : whole) weight += std::pow(users[entry.first.second], power);
    SplitConfig config{SplitKind::random, 0.3, 1, 17};
    config.popularity = power;
    const Split split = hold_out(world(), dataset, config);
    expect_division(dataset, split);
    expect_columns_kept(dataset, split.train);
    const auto held_out = pairs_of(split.held_out.by_user);
    std::size_t num_otherwise = 0;
    for (const auto& entry : whole) {
      const auto [user, item] = entry.first;
      const RandomStream coin(
          17, mix_bits(hash_text(fmt::format("u{}", user))) ^ hash_text(fmt::format("i{}", item)));
      const double chance = 0.3 * std::pow(users[item], power) * static_cast<double>(whole.size()) / weight;
      EXPECT_EQ(held_out.count({user, item}) == 1, coin.uniform(0) < std::min(0.9, chance));
      num_otherwise += (held_out.count({user, item}) == 1) != (coin.uniform(0) < 0.3);
    }
    EXPECT_GT(num_otherwise, 0u);
    EXPECT_NE(split.train.digest, hold_out(world(), dataset, {SplitKind::random, 0.3, 1, 17}).train.digest);
  }
}

TEST(HoldOut, TossesACoinForEachItemByItsId) {
  const Dataset dataset = timed_dataset();
  const Split split = hold_out(world(), dataset, {SplitKind::items, 0.3, 1, 17});
  expect_division(dataset, split);
  expect_columns_kept(dataset, split.train);
  const auto held_out = pairs_of(split.held_out.by_user);
  std::set<Count> cold;
  for (const auto& entry : pairs_of(dataset.by_user)) {
    const RandomStream coin(17, hash_text(fmt::format("i{}", entry.first.second)));
    EXPECT_EQ(held_out.count(entry.first) == 1, coin.uniform(0) < 0.3);
    if (coin.uniform(0) < 0.3) cold.insert(entry.first.second);
  }
  EXPECT_NEAR(static_cast<double>(cold.size()), 0.3 * 50, 10);
  EXPECT_NE(pairs_of(hold_out(world(), dataset, {SplitKind::items, 0.3, 1, 18}).held_out.by_user), held_out);
  EXPECT_THROW(hold_out(world(), dataset, {SplitKind::items, 1.0, 1, 17}), CollectiveError);
  EXPECT_EQ(split_kind_of(name_of(SplitKind::items)), SplitKind::items);
}

/// What a split of users or items should be: which pairs are for training, known or held out.
std::map<Pair, std::string> rows_apart(const Dataset& dataset, SplitKind kind, Count known) {
  const bool of_items = kind == SplitKind::items;
  std::map<Count, std::vector<std::tuple<double, Count>>> by_row;
  for (const Interaction& pair : all_pairs(world(), dataset)) {
    const RandomStream coin(
        17, mix_bits(hash_text(fmt::format("u{}", pair.user))) ^ hash_text(fmt::format("i{}", pair.item)));
    const double place = dataset.cutoff_time == 0 ? coin.uniform(0) : static_cast<double>(pair.last_time);
    by_row[of_items ? pair.item : pair.user].emplace_back(place, of_items ? pair.user : pair.item);
  }
  std::map<Pair, std::string> parts;
  for (auto& [row, places] : by_row) {
    std::sort(places.begin(), places.end());
    const bool is_cold =
        RandomStream(17, hash_text(fmt::format("{}{}", of_items ? 'i' : 'u', row))).uniform(0) < 0.3;
    for (std::size_t n = 0; n < places.size(); ++n) {
      const Count other = std::get<1>(places[n]);
      parts[of_items ? Pair{other, row} : Pair{row, other}] = !is_cold                        ? "train"
                                                              : static_cast<Count>(n) < known ? "known"
                                                                                              : "held out";
    }
  }
  return parts;
}

TEST(HoldOut, TossesACoinForEachUserOrItemAndKnowsTheirFirstPairs) {
  const Dataset timed = timed_dataset(),
                without_times = small_dataset(world(), {.num_users = 60, .num_items = 50});
  for (const auto& [dataset, kind] :
       {std::pair{&timed, SplitKind::users}, std::pair{&without_times, SplitKind::users},
        std::pair{&timed, SplitKind::items}, std::pair{&without_times, SplitKind::items}}) {
    std::string digest;
    for (const Count known : {0, 1, 3, 1000}) {
      SplitConfig config{kind, 0.3, 1, 17};
      config.known = known;
      const Split split = hold_out(world(), *dataset, config);
      expect_columns_kept(*dataset, split.train);
      std::map<Pair, std::string> parts;
      for (const auto& entry : pairs_of(split.train.by_user)) parts[entry.first] = "train";
      for (const auto& entry : pairs_of(split.held_out.by_user)) parts[entry.first] = "held out";
      ASSERT_EQ(split.known.has_value(), known > 0);
      if (split.known) {
        auto all = pairs_of(split.known->newcomers.by_user);
        for (const auto& entry : all) parts[entry.first] = "known";
        all.merge(pairs_of(split.train.by_user));
        EXPECT_EQ(pairs_of(split.known->all.by_user), all);
        expect_columns_kept(*dataset, split.known->newcomers);
      }
      const auto expected = rows_apart(*dataset, kind, known);
      EXPECT_EQ(parts, expected);
      EXPECT_TRUE(
          std::any_of(expected.begin(), expected.end(), [](const auto& p) { return p.second != "train"; }));
      EXPECT_TRUE(digest.empty() || digest == split.train.digest);  // training knows none of them
      digest = split.train.digest;
    }
    SplitConfig config{kind, 0.3, 1, 17};
    config.known = -1;
    EXPECT_THROW(hold_out(world(), timed, config), CollectiveError);
  }
  EXPECT_THROW(hold_out(world(), timed, {SplitKind::users, 1.0, 1, 17}), CollectiveError);
  EXPECT_EQ(split_kind_of(name_of(SplitKind::users)), SplitKind::users);
}

TEST(HoldOut, TakesTheLatestOfEachUserWithMore) {
  const Dataset dataset = timed_dataset();
  for (Count n : {1, 3}) {
    const Split split = hold_out(world(), dataset, {SplitKind::last_n, 0, n, 1});
    expect_division(dataset, split);
    expect_columns_kept(dataset, split.train);
    std::map<Count, std::vector<std::pair<std::int64_t, Count>>> by_user;
    for (const Interaction& pair : all_pairs(world(), dataset))
      by_user[pair.user].push_back({-pair.last_time, pair.item});
    std::set<Pair> expected;
    for (auto& [user, pairs] : by_user) {
      std::sort(pairs.begin(), pairs.end());
      if (static_cast<Count>(pairs.size()) <= n) continue;
      for (Count i = 0; i < n; ++i) expected.insert({user, pairs[static_cast<std::size_t>(i)].second});
    }
    std::set<Pair> held_out;
    for (const auto& entry : pairs_of(split.held_out.by_user)) held_out.insert(entry.first);
    EXPECT_EQ(held_out, expected);
  }
}

TEST(HoldOut, BreaksTiesOfTimeByItem) {
  const Dataset dataset = dataset_of(world(), 1, 4, {{0, 0, 5, 1}, {0, 1, 9, 1}, {0, 2, 9, 1}, {0, 3, 9, 1}});
  const Split split = hold_out(world(), dataset, {SplitKind::last_n, 0, 2, 1});
  EXPECT_EQ(pairs_of(split.held_out.by_user), (std::map<Pair, float>{{{0, 1}, 1.0F}, {{0, 2}, 1.0F}}));
}

TEST(HoldOut, TakesWhatWasSeenInTheLastDays) {
  const Dataset dataset = dataset_of(world(), 2, 3,
                                     {{0, 0, 1000 * 86400, 1},
                                      {0, 1, 999 * 86400, 1},
                                      {0, 2, 998 * 86400, 1},
                                      {1, 1, 999 * 86400 + 1, 1},
                                      {1, 2, 5, 1}});
  SplitConfig config{SplitKind::last_days};
  config.days = 1;
  const Split split = hold_out(world(), dataset, config);
  expect_division(dataset, split);
  expect_columns_kept(dataset, split.train);
  EXPECT_EQ(pairs_of(split.held_out.by_user), (std::map<Pair, float>{{{0, 0}, 1.0F}, {{1, 1}, 1.0F}}));
  EXPECT_EQ(split.train.cutoff_time, 999 * 86400);
}

TEST(HoldOut, TakesTheLatestOfLastSessions) {
  std::vector<Interaction> pairs;
  for (Count user = 0; user < 40; ++user) {
    RandomStream random(21, static_cast<std::uint64_t>(user));
    for (Count item = 0; item < 12; ++item) {
      const auto time = 1'700'000'000 + 600 * static_cast<std::int64_t>(random.next_below(25));
      if (random.next_uniform() < 0.4) pairs.push_back({user, item, time, 1});
    }
  }
  const Dataset dataset = dataset_of(world(), 40, 12, pairs);
  SplitConfig config{SplitKind::sessions};
  config.seed = 17;
  config.gap_minutes = 20;
  std::set<Pair> expected;
  Count num_alone = 0, num_equal = 0;
  for (Count user = 0; user < 40; ++user) {
    std::vector<std::tuple<std::int64_t, double, Count>> latest_first;
    for (const Interaction& pair : pairs) {
      if (pair.user != user) continue;
      const RandomStream coin(
          17, mix_bits(hash_text(fmt::format("u{}", user))) ^ hash_text(fmt::format("i{}", pair.item)));
      latest_first.emplace_back(-pair.last_time, coin.uniform(0), pair.item);
    }
    std::sort(latest_first.begin(), latest_first.end());
    if (latest_first.size() < 2) continue;
    const auto pause = std::get<0>(latest_first[1]) - std::get<0>(latest_first[0]);
    if (pause > 20 * 60) {
      ++num_alone;
      continue;
    }
    num_equal += pause == 0 ? 1 : 0;
    expected.insert({user, std::get<2>(latest_first[0])});
  }
  EXPECT_GT(num_alone, 2);
  EXPECT_GT(num_equal, 1);
  const Split split = hold_out(world(), dataset, config);
  expect_division(dataset, split);
  expect_columns_kept(dataset, split.train);
  std::set<Pair> held_out;
  for (const auto& entry : pairs_of(split.held_out.by_user)) held_out.insert(entry.first);
  EXPECT_EQ(held_out, expected);
  EXPECT_EQ(split_kind_of(name_of(SplitKind::sessions)), SplitKind::sessions);
  config.gap_minutes = 1000;
  EXPECT_NE(hold_out(world(), dataset, config).train.digest, split.train.digest);
  config.gap_minutes = 0;
  EXPECT_THROW(hold_out(world(), dataset, config), CollectiveError);
  EXPECT_THROW(hold_out(world(), small_dataset(world(), {}), {SplitKind::sessions}), CollectiveError);
}

TEST(HoldOut, RefusesSettingsWithoutSense) {
  const Dataset dataset = timed_dataset();
  for (double share : {0.0, 1.0, -0.1, 2.0}) {
    EXPECT_THROW(hold_out(world(), dataset, {SplitKind::random, share, 1, 1}), CollectiveError);
  }
  EXPECT_THROW(hold_out(world(), dataset, {SplitKind::last_n, 0.1, 0, 1}), CollectiveError);
  EXPECT_THROW(hold_out(world(), small_dataset(world(), {}), {SplitKind::last_n, 0.1, 1, 1}),
               CollectiveError);
  for (const double popularity : {5.0, -5.0, std::numeric_limits<double>::quiet_NaN()}) {
    SplitConfig config{SplitKind::random};
    config.popularity = popularity;
    EXPECT_THROW(hold_out(world(), dataset, config), CollectiveError);
  }
  SplitConfig popular_last{SplitKind::last_n};
  popular_last.popularity = 1;
  EXPECT_THROW(hold_out(world(), dataset, popular_last), CollectiveError);
  for (const double days : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    SplitConfig config{SplitKind::last_days};
    config.days = days;
    EXPECT_THROW(hold_out(world(), dataset, config), CollectiveError);
  }
  EXPECT_THROW(hold_out(world(), small_dataset(world(), {}), {SplitKind::last_days}), CollectiveError);
  for (const auto kind : {SplitKind::random, SplitKind::last_n, SplitKind::last_days}) {
    EXPECT_EQ(split_kind_of(name_of(kind)), kind);
  }
  EXPECT_EQ(split_kind_of("last-n"), SplitKind::last_n);
  EXPECT_EQ(split_kind_of("random"), SplitKind::random);
  EXPECT_THROW(split_kind_of("lastn"), ConfigError);
}

TEST(HeldOutOf, IsWhatIngestHeldBack) {
  Dataset dataset = timed_dataset();
  EXPECT_THROW(held_out_of(world(), dataset), ConfigError);
  dataset.held_out = dataset.by_user;
  EXPECT_EQ(held_out_of(world(), dataset).num_pairs, static_cast<Count>(all_pairs(world(), dataset).size()));
}

TEST(SomeUsers, KeepAllTheirPairsAndOthersNone) {
  const Dataset dataset = timed_dataset();
  const Split split = hold_out(world(), dataset, {SplitKind::random, 0.3, 1, 17});
  const auto whole = pairs_of(dataset.by_user), held_out = pairs_of(split.held_out.by_user);
  std::set<Count> before;
  for (const double share : {0.2, 0.5, 1.0}) {
    const Dataset some = of_some_users(world(), dataset, share);
    expect_columns_kept(dataset, some);
    std::set<Count> users;
    for (const auto& [pair, value] : pairs_of(some.by_user)) users.insert(pair.first);
    EXPECT_TRUE(std::includes(users.begin(), users.end(), before.begin(), before.end()));
    EXPECT_NEAR(static_cast<double>(users.size()), share * 60, 12);
    const auto of_users = [&](std::map<Pair, float> pairs) {
      std::erase_if(pairs, [&](const auto& entry) { return users.count(entry.first.first) == 0; });
      return pairs;
    };
    EXPECT_EQ(pairs_of(some.by_user), of_users(whole));
    std::map<Pair, float> transposed;
    for (const auto& [pair, value] : pairs_of(some.by_item)) transposed[{pair.second, pair.first}] = value;
    EXPECT_EQ(transposed, of_users(whole));
    EXPECT_EQ(pairs_of(of_some_users(split.train, split.held_out, share).by_user), of_users(held_out));
    before = users;
  }
}

}  // namespace
}  // namespace pushcart::test
