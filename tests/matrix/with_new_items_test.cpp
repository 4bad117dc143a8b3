#include "pushcart/matrix/with_new_items.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/other_numbering.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::all_pairs;
using test::all_rows;
using test::small_dataset;
using test::world;
using Pair = std::pair<std::string, std::string>;

std::vector<std::string> all_texts(const StringTable& owned) {
  const StringTable all(world().allgather(std::span<const char>(owned.bytes())).data, [&] {
    std::vector<Count> lengths, offsets{0};
    for (Count row = 0; row < owned.size(); ++row) lengths.push_back(static_cast<Count>(owned[row].size()));
    for (const Count length : all_rows(world(), lengths)) offsets.push_back(offsets.back() + length);
    return offsets;
  }());
  std::vector<std::string> texts;
  for (Count row = 0; row < all.size(); ++row) texts.emplace_back(all[row]);
  return texts;
}

/// Pairs by outside ids.
std::map<Pair, Interaction> pairs_by_id(const Dataset& dataset) {
  const auto users = all_texts(dataset.user_ids), items = all_texts(dataset.item_ids);
  std::map<Pair, Interaction> pairs;
  for (const Interaction& pair : all_pairs(world(), dataset)) {
    pairs[{users[static_cast<std::size_t>(pair.user)], items[static_cast<std::size_t>(pair.item)]}] = pair;
  }
  return pairs;
}

/// A log whose users and items are some of small_dataset(40, 31), and others.
Dataset another_log() {
  Dataset log = test::other_numbering(45, 37);
  TextColumn colours{"colour", {}};
  for (Count row = 0; row < log.item_ids.size(); ++row) {
    colours.values.push_back("of " + std::string(log.item_ids[row]));
  }
  log.item_attributes = {colours};
  return log;
}

TEST(WithNewItems, HasThePairsOfKnownUsers) {
  const Dataset known = small_dataset(world(), {.num_users = 40, .num_items = 31, .density = 0.3});
  const Dataset log = another_log();
  NewItemsReport report;
  MemoryPlan plan;
  const DatasetSizes planned = plan_new_items(plan, world(), known, log);
  const Dataset grown = with_new_items(world(), known, log, &report);
  const auto bytes = [](const DatasetSizes& sizes) { return world().sum(memory_bytes(sizes)); };
  EXPECT_GE(bytes(planned), bytes(sizes_of(grown)));
  EXPECT_LT(bytes(planned), 1.2 * static_cast<double>(bytes(sizes_of(known)) + bytes(sizes_of(log))));
  EXPECT_EQ(plan.parts().front().num_bytes, memory_bytes(planned));

  const auto known_ids = all_texts(known.item_ids), ids = all_texts(grown.item_ids);
  const std::set<std::string> is_known(known_ids.begin(), known_ids.end());
  std::set<std::string> fresh;
  for (const std::string& id : all_texts(log.item_ids)) {
    if (!is_known.contains(id)) fresh.insert(id);
  }
  ASSERT_GT(fresh.size(), 2U);
  std::vector<std::string> expected_ids = known_ids;
  expected_ids.insert(expected_ids.end(), fresh.begin(), fresh.end());
  EXPECT_EQ(ids, expected_ids);
  EXPECT_EQ(all_texts(grown.user_ids), all_texts(known.user_ids));

  const auto users = all_texts(known.user_ids);
  const std::set<std::string> is_user(users.begin(), users.end());
  std::map<Pair, float> expected;
  for (const auto& [ids_of_pair, pair] : pairs_by_id(known)) expected[ids_of_pair] = pair.value;
  Count kept = 0, with_fresh = 0, left_out = 0, in_both = 0;
  for (const auto& [ids_of_pair, pair] : pairs_by_id(log)) {
    if (!is_user.contains(ids_of_pair.first)) {
      ++left_out;
      continue;
    }
    in_both += expected.contains(ids_of_pair) ? 1 : 0;
    expected[ids_of_pair] += pair.value;
    ++kept;
    with_fresh += fresh.contains(ids_of_pair.second) ? 1 : 0;
  }
  std::map<Pair, float> found;
  for (const auto& [ids_of_pair, pair] : pairs_by_id(grown)) found[ids_of_pair] = pair.value;
  EXPECT_EQ(found, expected);
  EXPECT_GT(in_both, 0);
  EXPECT_GT(left_out, 0);
  EXPECT_EQ(report.num_new_items, static_cast<Count>(fresh.size()));
  EXPECT_EQ(report.num_pairs, kept);
  EXPECT_EQ(report.num_unknown_pairs, left_out);
  EXPECT_EQ(report.num_new_pairs, with_fresh);  // all items of `known` have pairs there
  // Both ways round they are the same pairs, and what the log says of known items is not taken.
  EXPECT_EQ(world().sum(grown.by_item.num_entries()), static_cast<Count>(expected.size()));
  ASSERT_EQ(grown.item_attributes.size(), 1U);
  const auto colours = all_texts(grown.item_attributes[0].values);
  for (std::size_t item = 0; item < ids.size(); ++item) {
    EXPECT_EQ(colours[item], fresh.contains(ids[item]) ? "of " + ids[item] : "");
  }
}

void expect_sums_by_event_type(const Dataset& known, const Dataset& log) {
  const Dataset grown = with_new_items(world(), known, log);
  using ByPair = std::map<std::tuple<Count, Count, std::string>, std::pair<float, std::int64_t>>;
  const auto by_type = [](const Dataset& dataset) {
    ByPair result;
    for (const EventColumn& column : dataset.events) {
      const auto strengths = all_rows(world(), column.strength);
      const auto times = all_rows(world(), column.last_time);
      std::size_t entry = 0;
      for (const Interaction& pair : all_pairs(world(), dataset)) {
        if (strengths[entry] > 0)
          result[{pair.user, pair.item, column.type}] = {strengths[entry], times[entry]};
        ++entry;
      }
    }
    return result;
  };
  ByPair expected = by_type(known);
  for (const auto& [key, value] : by_type(log)) {
    const auto [at, is_new] = expected.try_emplace(key, value);
    if (is_new) continue;
    at->second.first += value.first;
    at->second.second = std::max(at->second.second, value.second);
  }
  EXPECT_EQ(by_type(grown), expected);
  for (const EventColumn& column : grown.events) {
    for (std::size_t entry = 0; entry < column.strength.size(); ++entry) {
      if (column.strength[entry] > 0) continue;
      EXPECT_EQ(column.last_time[entry], 0) << column.type;
    }
  }
  ASSERT_EQ(grown.events.size(), 3U);
  EXPECT_EQ(grown.events[2].type, "purchase");
  std::map<std::pair<Count, Count>, std::int64_t> latest, found;
  for (const Dataset* part : {&known, &log}) {
    for (const Interaction& pair : all_pairs(world(), *part)) {
      auto& time = latest.try_emplace({pair.user, pair.item}, pair.last_time).first->second;
      time = std::max(time, pair.last_time);
    }
  }
  for (const Interaction& pair : all_pairs(world(), grown)) found[{pair.user, pair.item}] = pair.last_time;
  EXPECT_EQ(found, latest);
  EXPECT_EQ(grown.cutoff_time, std::max(known.cutoff_time, log.cutoff_time));
}

/// The same events so many seconds earlier.
Dataset earlier(Dataset dataset, std::int64_t seconds) {
  dataset.cutoff_time -= seconds;
  for (std::int64_t& time : dataset.last_time) time -= seconds;
  for (EventColumn& column : dataset.events) {
    for (std::size_t entry = 0; entry < column.strength.size(); ++entry) {
      if (column.strength[entry] > 0) column.last_time[entry] -= seconds;
    }
  }
  return dataset;
}

TEST(WithNewItems, AddsUpByEventType) {
  const Dataset known = small_dataset(
      world(),
      {.num_users = 20, .num_items = 12, .density = 0.4, .types = {"view", "cart"}, .has_times = true});
  const Dataset log = small_dataset(world(), {.num_users = 20,
                                              .num_items = 15,
                                              .density = 0.4,
                                              .seed = 9,
                                              .types = {"cart", "purchase"},
                                              .has_times = true});
  expect_sums_by_event_type(known, log);
  const std::int64_t to_before_1970 = known.cutoff_time + 1;
  expect_sums_by_event_type(earlier(known, to_before_1970), earlier(log, to_before_1970));
}

TEST(WithNewItems, OfRatingsTheLaterStays) {
  const auto ratings = [](std::uint64_t seed, bool has_times) {
    return small_dataset(world(), {.num_users = 20,
                                   .num_items = 12,
                                   .density = 0.5,
                                   .seed = seed,
                                   .value_kind = ValueKind::rating,
                                   .has_times = has_times});
  };
  for (const bool has_times : {false, true}) {
    const Dataset known = ratings(1, has_times), log = ratings(2, has_times);
    std::map<std::pair<Count, Count>, Interaction> expected;
    for (const Interaction& pair : all_pairs(world(), known)) expected[{pair.user, pair.item}] = pair;
    Count taken = 0;
    for (const Interaction& pair : all_pairs(world(), log)) {
      auto [at, is_new] = expected.try_emplace({pair.user, pair.item}, pair);
      if (is_new || pair.last_time < at->second.last_time) continue;
      at->second = pair;
      ++taken;
    }
    EXPECT_GT(taken, 0);
    for (const Interaction& pair : all_pairs(world(), with_new_items(world(), known, log))) {
      EXPECT_EQ(pair.value, expected.at({pair.user, pair.item}).value);
    }
  }
  EXPECT_THROW(with_new_items(world(), ratings(1, false), small_dataset(world(), {})), ConfigError);
}

TEST(WithNewItems, RefusesTimesOnOneSide) {
  const Dataset timed = small_dataset(world(), {.has_times = true}), timeless = small_dataset(world(), {});
  EXPECT_THROW(with_new_items(world(), timed, timeless), ConfigError);
  EXPECT_THROW(with_new_items(world(), timeless, timed), ConfigError);
  EXPECT_NO_THROW(with_new_items(world(), timed, timed));
  EXPECT_NO_THROW(with_new_items(world(), timeless, timeless));
}

TEST(WithNewItems, OfRatingsEachTypeKeepsItsOwnLatest) {
  const auto rated = [](std::vector<std::string> types, std::vector<float> ratings,
                        std::vector<std::int64_t> times) {
    Dataset dataset = test::dataset_of(world(), 1, 1, {{.last_time = 1, .value = 1}}, ValueKind::rating);
    dataset.events.clear();
    for (std::size_t type = 0; type < types.size(); ++type) {
      dataset.events.push_back({types[type], {}, {}});
      if (dataset.by_user.num_entries() == 0) continue;
      dataset.events.back().strength.push_back(ratings[type]);
      dataset.events.back().last_time.push_back(times[type]);
    }
    for (std::int64_t& time : dataset.last_time) time = std::ranges::max(times);
    dataset.cutoff_time = std::ranges::max(times);
    return dataset;
  };
  const Dataset grown = with_new_items(world(), rated({"stars", "review"}, {4, 2}, {100, 300}),
                                       rated({"review", "stars"}, {5, 0}, {200, 0}));
  ASSERT_EQ(grown.events.size(), 2U);
  EXPECT_EQ(all_rows(world(), grown.events[0].strength), std::vector<float>{4});  // nothing later
  EXPECT_EQ(all_rows(world(), grown.events[0].last_time), std::vector<std::int64_t>{100});
  EXPECT_EQ(all_rows(world(), grown.events[1].strength), std::vector<float>{2});  // 300 is later than 200
  EXPECT_EQ(all_rows(world(), grown.events[1].last_time), std::vector<std::int64_t>{300});
  const Dataset later = with_new_items(world(), rated({"stars", "review"}, {4, 2}, {100, 300}),
                                       rated({"review", "stars"}, {5, 0}, {400, 0}));
  EXPECT_EQ(all_rows(world(), later.events[0].strength), std::vector<float>{4});  // was not rated again
  EXPECT_EQ(all_rows(world(), later.events[1].strength), std::vector<float>{5});
}

}  // namespace
}  // namespace pushcart
