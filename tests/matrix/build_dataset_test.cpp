#include "pushcart/matrix/build_dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>


#include "matrix/reference_dataset.hpp"
#include "pushcart/ingest/clean_log.hpp"

namespace pushcart::test {
namespace {

using testing::HasSubstr;

Dataset build(const IngestConfig& config, CleaningReport& report, std::optional<std::int64_t> cut = {}) {
  PhaseLog phases;
  return build_dataset(world(), clean_log(world(), config, report, phases), config, cut, report, phases);
}

/// Every owned row, column and string of the data set against pairs worked out by hand.
void expect_dataset(const Pairs& pairs, const Dataset& dataset, const CleaningReport& report) {
  const auto users = numbered_by_hand(pairs, true), items = numbered_by_hand(pairs, false);
  ASSERT_EQ(dataset.num_users(), static_cast<Count>(users.size()));
  ASSERT_EQ(dataset.num_items(), static_cast<Count>(items.size()));
  EXPECT_EQ(report.num_pairs, static_cast<Count>(pairs.size()));
  EXPECT_EQ(report.num_users, dataset.num_users());
  EXPECT_EQ(report.num_items, dataset.num_items());
  const auto user_range = dataset.users.range(world().rank()),
             item_range = dataset.items.range(world().rank());
  ASSERT_EQ(dataset.user_ids.size(), user_range.size());
  ASSERT_EQ(dataset.item_ids.size(), item_range.size());
  ASSERT_EQ(dataset.by_user.rows, user_range);
  for (Count i = 0; i < item_range.size(); ++i) {
    const auto id = items[static_cast<std::size_t>(item_range.begin + i)];
    EXPECT_EQ(dataset.item_ids[i], id);
    for (std::size_t e = 0; e < dataset.by_item.row_columns(i).size(); ++e) {
      const auto user = users[static_cast<std::size_t>(dataset.by_item.row_columns(i)[e])];
      EXPECT_EQ(dataset.by_item.row_values(i)[e], static_cast<float>(pairs.at({user, id}).value));
    }
  }
  Count num_entries = 0;
  for (Count u = 0; u < user_range.size(); ++u) {
    const auto id = users[static_cast<std::size_t>(user_range.begin + u)];
    EXPECT_EQ(dataset.user_ids[u], id);
    const auto columns = dataset.by_user.row_columns(u);
    EXPECT_TRUE(std::is_sorted(columns.begin(), columns.end()));
    for (std::size_t e = 0; e < columns.size(); ++e, ++num_entries) {
      const auto& pair = pairs.at({id, items[static_cast<std::size_t>(columns[e])]});
      EXPECT_EQ(dataset.by_user.row_values(u)[e], static_cast<float>(pair.value));
      const auto at = static_cast<std::size_t>(num_entries);
      EXPECT_EQ(dataset.last_time[at], pair.last_time);
      for (const auto& column : dataset.events) {
        const auto found = pair.types.find(column.type);
        const auto expected =
            found == pair.types.end() ? std::pair<double, std::int64_t>{0, 0} : found->second;
        EXPECT_EQ(column.strength[at], static_cast<float>(expected.first)) << column.type;
        EXPECT_EQ(column.last_time[at], expected.second) << column.type;
      }
    }
  }
  EXPECT_EQ(world().sum(num_entries), static_cast<Count>(pairs.size()));
}

IngestConfig strength_config(const DirtyLog& made) {
  auto config = dirty_log_config(made);
  config.events["view"] = {.weight = 0.3, .cap = Cap::log1p, .quantity = QuantityScale::none};
  config.events["cart"] = {.weight = 1.1, .cap = Cap::min, .cap_value = 4, .quantity = QuantityScale::log1p};
  config.events["purchase"] = {.weight = 2.7};
  config.half_life_days = 45;
  return config;
}

TEST(BuildDataset, HasTheBitsOfPlainMapsOnRandomDirtyLogs) {
  for (std::uint64_t seed = 21; seed <= 23; ++seed) {
    const auto made = write_dirty_log(scratch_folder("dirty"), {.seed = seed, .num_rows = 2500});
    auto config = strength_config(made);
    if (seed == 22) config.half_life_days = 0;
    CleaningReport report;
    const auto dataset = build(config, report);
    const auto pairs = pairs_by_hand(clean_by_hand(made, config).kept, config);
    expect_dataset(pairs, dataset, report);
    EXPECT_GT(report.pairs_taken_back, 0);
    ASSERT_EQ(dataset.events.size(), 3U);  // what returns take back is no column of its own
    EXPECT_EQ(dataset.events[1].type, "purchase");
    EXPECT_EQ(dataset.value_kind, ValueKind::strength);
    EXPECT_EQ(dataset.held_out.num_entries(), 0);
  }
}

TEST(BuildDataset, IsTheSameForAnyOrderOfFilesAndThreads) {
  const auto made = write_dirty_log(scratch_folder("order"), {.seed = 31, .num_rows = 2000, .num_files = 4});
  auto config = strength_config(made);
  CleaningReport first, second;
  const auto one = build(config, first);
  std::reverse(config.inputs.begin(), config.inputs.end());
  const int before = omp_get_max_threads();
  omp_set_num_threads(2);
  const auto two = build(config, second);
  omp_set_num_threads(before);
  EXPECT_EQ(one.user_ids, two.user_ids);
  EXPECT_EQ(one.item_ids, two.item_ids);
  EXPECT_EQ(one.by_user.columns, two.by_user.columns);
  EXPECT_EQ(one.by_user.values, two.by_user.values);
  EXPECT_EQ(one.last_time, two.last_time);
}

TEST(BuildDataset, KeepsTheCoreThatDroppingOneByOneFinds) {
  const auto made = write_dirty_log(scratch_folder("core"),
                                    {.seed = 41, .num_rows = 1500, .num_users = 150, .num_items = 120});
  auto config = strength_config(made);
  for (const auto& [users, items] : {std::pair<Count, Count>{4, 5}, {0, 6}, {7, 0}, {1, 1}}) {
    config.core_users = users;
    config.core_items = items;
    CleaningReport report;
    const auto dataset = build(config, report);
    const auto all = pairs_by_hand(clean_by_hand(made, config).kept, config);
    const auto core = core_by_hand(all, users, items);
    expect_dataset(core, dataset, report);
    EXPECT_EQ(report.pairs_below_core, static_cast<Count>(all.size() - core.size()));
    EXPECT_EQ(report.users_below_core,
              static_cast<Count>(numbered_by_hand(all, true).size()) - report.num_users);
    EXPECT_EQ(report.items_below_core,
              static_cast<Count>(numbered_by_hand(all, false).size()) - report.num_items);
  }
  config.core_users = 1000;
  CleaningReport report;
  EXPECT_THROW(build(config, report), InputError);
}

TEST(BuildDataset, ATimeCutLetsNothingOfTheFutureIn) {
  const auto made = write_dirty_log(scratch_folder("cut"),
                                    {.seed = 51, .num_rows = 2500, .num_users = 120, .num_items = 90});
  auto config = strength_config(made);
  config.core_users = 3;
  config.core_items = 2;
  const std::int64_t cut = 1600000000 + std::int64_t{600} * 40000;  // some events lie exactly on it
  CleaningReport report;
  const auto dataset = build(config, report, cut);
  const auto kept = clean_by_hand(made, config).kept;
  ASSERT_TRUE(std::any_of(kept.begin(), kept.end(), [&](const auto* row) { return row->time == cut; }));
  const auto training = core_by_hand(pairs_by_hand(kept, config, {.until = cut}), 3, 2);
  expect_dataset(training, dataset, report);
  EXPECT_EQ(dataset.cutoff_time, cut);

  const auto users = numbered_by_hand(training, true), items = numbered_by_hand(training, false);
  const std::set<std::string> known_users(users.begin(), users.end()),
      known_items(items.begin(), items.end());
  std::map<std::pair<std::string, std::string>, float> expected;
  Count unknown_users = 0, unknown_items = 0, seen = 0;
  for (const auto& [key, pair] : pairs_by_hand(kept, config, {.after = cut, .decays = false})) {
    if (!known_users.contains(key.first))
      ++unknown_users;
    else if (!known_items.contains(key.second))
      ++unknown_items;
    else if (training.contains(key))
      ++seen;
    else
      expected[key] = static_cast<float>(pair.value);
  }
  EXPECT_EQ(report.held_out_unknown_users, unknown_users);
  EXPECT_EQ(report.held_out_unknown_items, unknown_items);
  EXPECT_EQ(report.held_out_seen, seen);
  EXPECT_EQ(report.held_out_pairs, static_cast<Count>(expected.size()));
  EXPECT_GT(std::min({unknown_users, unknown_items, seen, report.held_out_pairs}), 0);
  EXPECT_EQ(world().sum(dataset.held_out.num_entries()), report.held_out_pairs);
  for (Count u = 0; u < dataset.held_out.num_rows(); ++u) {
    for (std::size_t e = 0; e < dataset.held_out.row_columns(u).size(); ++e) {
      const auto item = items[static_cast<std::size_t>(dataset.held_out.row_columns(u)[e])];
      const auto found = expected.find({std::string(dataset.user_ids[u]), item});
      ASSERT_NE(found, expected.end());
      EXPECT_EQ(dataset.held_out.row_values(u)[e], found->second);
    }
  }
}

/// Value of a pair, from whoever owns it; NaN if it is no pair.
double value_of(const Dataset& dataset, const std::string& user, Count item) {
  double value = -HUGE_VAL;
  for (Count u = 0; u < dataset.user_ids.size(); ++u) {
    const auto columns = dataset.by_user.row_columns(u);
    const auto found = std::find(columns.begin(), columns.end(), item);
    if (dataset.user_ids[u] == user && found != columns.end()) {
      value = dataset.by_user.row_values(u)[static_cast<std::size_t>(found - columns.begin())];
    }
  }
  return world().allreduce(value, Reduce::max);
}

TEST(BuildDataset, KeepsTheLastOrTheMeanRating) {
  const auto folder = scratch_folder("ratings");
  // item i is rated by all; a rates it three times, the last two in the same second; b's last comes first
  write_file(folder + "/r.csv",
             "user,item,rating,time\na,i,5,100000000\na,i,1,300000000\na,i,3.5,300000000\nb,i,2,900000000\n"
             "b,i,4,800000000\nc,i,0,700000000\nd,i,-1.5,700000000\n");
  IngestConfig config;
  config.inputs = {folder + "/r.csv"};
  config.format.columns = {
      {Role::user, "user"}, {Role::item, "item"}, {Role::value, "rating"}, {Role::time, "time"}};
  config.min_time = 0;
  config.ratings = RatingsMode::last;
  CleaningReport report;
  auto dataset = build(config, report);
  EXPECT_EQ(dataset.value_kind, ValueKind::rating);
  EXPECT_EQ(report.num_pairs, 4);
  EXPECT_EQ(value_of(dataset, "a", 0), 3.5);
  EXPECT_EQ(value_of(dataset, "b", 0), 2);
  EXPECT_EQ(value_of(dataset, "c", 0), 0);
  EXPECT_EQ(value_of(dataset, "d", 0), -1.5);
  ASSERT_EQ(dataset.events.size(), 1U);
  EXPECT_EQ(dataset.events[0].type, "event");
  config.ratings = RatingsMode::mean;
  CleaningReport again;
  dataset = build(config, again);
  EXPECT_EQ(value_of(dataset, "a", 0), static_cast<float>(9.5 / 3));
  EXPECT_EQ(value_of(dataset, "b", 0), 3);
}

TEST(BuildDataset, HalvesStrengthWithAgeFromTheLastEvent) {
  const auto folder = scratch_folder("half-life");
  write_file(folder + "/h.csv", "user,item,time\na,i,2020-01-11\nb,i,2020-01-01\nb,i,2020-01-06\n");
  IngestConfig config;
  config.inputs = {folder + "/h.csv"};
  config.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::time, "time"}};
  config.half_life_days = 5;
  CleaningReport report;
  const auto dataset = build(config, report);
  EXPECT_EQ(value_of(dataset, "a", 0), 1);
  EXPECT_EQ(value_of(dataset, "b", 0), 0.25 + 0.5);
  CleaningReport cut_report;
  const auto cut = build(config, cut_report, 1578268800);  // 2020-01-06
  EXPECT_EQ(value_of(cut, "b", 0), 0.5 + 1);
  EXPECT_EQ(cut_report.held_out_unknown_users, 1);
}

TEST(BuildDataset, ReturnsTakeBackWhatWasBought) {
  const auto folder = scratch_folder("returns");
  write_file(folder + "/b.csv", "user,item,quantity\na,i,12\na,i,-2\nb,i,3\nb,i,-3\nc,i,1\nc,i,-5\nd,i,2\n");
  IngestConfig config;
  config.inputs = {folder + "/b.csv"};
  config.format.columns = {{Role::user, "user"}, {Role::item, "item"}, {Role::quantity, "quantity"}};
  config.default_event.cap = Cap::log1p;
  CleaningReport report;
  const auto dataset = build(config, report);
  EXPECT_EQ(report.pairs_taken_back, 2);
  EXPECT_EQ(report.returns, 3);
  EXPECT_EQ(dataset.num_users(), 2);
  EXPECT_EQ(value_of(dataset, "a", 0), static_cast<float>(std::log(11.0)));
  EXPECT_EQ(value_of(dataset, "d", 0), static_cast<float>(std::log(3.0)));
}

TEST(BuildDataset, OneRowMakesADatasetOnAnyNumberOfRanks) {
  const auto folder = scratch_folder("one");
  write_file(folder + "/one.csv", "user,item,category,name\nu,i,toys,Doll\n");
  IngestConfig config;
  config.inputs = {folder + "/one.csv"};
  config.format.columns = {
      {Role::user, "user"}, {Role::item, "item"}, {Role::category, "category"}, {Role::name, "name"}};
  CleaningReport report;
  const auto dataset = build(config, report);
  EXPECT_EQ(dataset.num_users(), 1);
  EXPECT_EQ(dataset.num_items(), 1);
  EXPECT_EQ(value_of(dataset, "u", 0), 1);
  ASSERT_EQ(dataset.item_attributes.size(), 1U);
  EXPECT_EQ(dataset.item_attributes[0].name, "category");
  if (dataset.item_ids.size() == 1) {
    EXPECT_EQ(dataset.item_names[0], "Doll");
    EXPECT_EQ(dataset.item_attributes[0].values[0], "toys");
  }
  PhaseLog phases;
  CleaningReport again;
  EXPECT_THROW(build(config, again, 5), ConfigError);
}

}  // namespace
}  // namespace pushcart::test
