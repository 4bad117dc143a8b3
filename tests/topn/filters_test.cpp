#include "pushcart/topn/filters.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "pushcart/comm/collectively.hpp"
#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

std::string write_file(const std::string& name, const std::string& content) {
  const std::string path = scratch_folder("filters") + "/" + name;
  if (world().is_root()) std::ofstream(path, std::ios::binary) << content;
  world().barrier();
  return path;
}

std::vector<Count> owned_users(const Dataset& dataset) {
  return all_users(dataset, 1).users;
}

std::vector<Count> row(const SparseRows& rows, Count r) {
  const auto columns = rows.row_columns(r);
  return {columns.begin(), columns.end()};
}

TEST(HideRule, IsReadFromText) {
  EXPECT_EQ(parse_hide_rule("always"), (HideRule{Hide::always, 0}));
  EXPECT_EQ(parse_hide_rule("never"), (HideRule{Hide::never, 0}));
  EXPECT_EQ(parse_hide_rule("30"), (HideRule{Hide::days, 30}));
  EXPECT_EQ(parse_hide_rule("0.5"), (HideRule{Hide::days, 0.5}));
  for (const char* bad : {"", "sometimes", "-1", "30d", "nan", "inf"})
    EXPECT_THROW(parse_hide_rule(bad), ConfigError);
}

/// User 0: item 0 viewed 2 days ago, item 1 bought 10 days ago, item 2 viewed 1 day and bought 40 days ago,
/// item 3 has no event of any type, seen last 5 days ago.
Dataset one_user_shop() {
  constexpr std::int64_t now = 1'700'000'000, day = 86'400;
  Interactions mine;
  mine.types = {"view", "purchase"};
  if (world().is_root()) {
    const auto add = [&](Count item, double last, double viewed, double bought) {
      mine.pairs.push_back({0, item, now - static_cast<std::int64_t>(last * day), 1.0F});
      for (double age : {viewed, bought}) {
        mine.type_strength.push_back(age < 0 ? 0.0F : 1.0F);
        mine.type_last_time.push_back(age < 0 ? 0 : now - static_cast<std::int64_t>(age * day));
      }
    };
    add(0, 2, 2, -1);
    add(1, 10, -1, 10);
    add(2, 1, 1, 40);
    add(3, 5, -1, -1);
  }
  Dataset dataset = assemble_dataset(world(), 1, 5, std::move(mine), ValueKind::strength);
  dataset.cutoff_time = now;
  return dataset;
}

TEST(SeenItems, FollowTheRuleOfEachEventType) {
  const Dataset dataset = one_user_shop();
  const auto users = owned_users(dataset);
  const auto hidden = [&](const SeenPolicy& policy) {
    const SparseRows rows = seen_items(dataset, users, policy);
    return users.empty() ? std::vector<Count>{-1} : row(rows, 0);
  };
  const auto expect = [&](const SeenPolicy& policy, const std::vector<Count>& items) {
    if (!users.empty()) {
      EXPECT_EQ(hidden(policy), items);
    }
  };
  const HideRule always, never{Hide::never, 0};
  expect({}, {0, 1, 2, 3});
  expect({never, {}}, {});
  expect({never, {{"purchase", always}}}, {1, 2});
  expect({never, {{"purchase", {Hide::days, 30}}}}, {1});
  expect({never, {{"purchase", {Hide::days, 10}}}}, {1});  // exactly as old as the window
  expect({never, {{"purchase", {Hide::days, 9.9}}}}, {});
  expect({never, {{"view", {Hide::days, 1.5}}, {"purchase", {Hide::days, 10}}}}, {1, 2});
  expect({{Hide::days, 5}, {{"view", never}}}, {3});
  expect({{Hide::days, 4}, {{"view", never}}}, {});
  expect({always, {{"view", never}}}, {1, 2, 3});
}

TEST(SeenItems, RefuseUnknownTypesAndDaysWithoutTimes) {
  Dataset dataset = one_user_shop();
  try {
    seen_items(dataset, {}, {{}, {{"purchases", {}}}});
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("'purchase'"), std::string::npos);
  }
  dataset.cutoff_time = 0;
  EXPECT_THROW(seen_items(dataset, {}, {{Hide::days, 3}, {}}), ConfigError);
}

TEST(SeenItems, CoverOnlyTheServedUsers) {
  const Dataset dataset = small_dataset(world(), {});
  auto users = owned_users(dataset);
  std::erase_if(users, [](Count user) { return user % 3 != 1; });
  const SparseRows hidden = seen_items(dataset, users, {});
  ASSERT_EQ(hidden.num_rows(), static_cast<Count>(users.size()));
  for (std::size_t r = 0; r < users.size(); ++r) {
    EXPECT_EQ(row(hidden, static_cast<Count>(r)),
              row(dataset.by_user, users[r] - dataset.by_user.rows.begin));
  }
}

TEST(AllowedItems, AreIncludedAndNotExcluded) {
  const Dataset dataset = small_dataset(world(), {});
  const std::string include = write_file("include.txt", "i3\r\ni5\n\ni7\nnobody\ni9\ni29");
  EXPECT_TRUE(allowed_items(world(), dataset, {}).allowed.empty());
  AllowedItems some = allowed_items(world(), dataset, {"", include});
  EXPECT_EQ(some.num_unknown_included, 1);
  EXPECT_EQ(some.num_allowed, 5);
  const auto whole = all_rows(world(), some.allowed);
  for (Count item = 0; item < 30; ++item) {
    EXPECT_EQ(whole[static_cast<std::size_t>(item)],
              item == 3 || item == 5 || item == 7 || item == 9 || item == 29);
  }
  some = allowed_items(world(), dataset, {include, ""});
  EXPECT_EQ(some.num_unknown_excluded, 1);
  EXPECT_EQ(some.num_allowed, 25);
  EXPECT_THROW(allowed_items(world(), dataset, {include, include}), InputError);
}

TEST(AllowedItems, NeedTheirFile) {
  const Dataset dataset = small_dataset(world(), {});
  try {
    allowed_items(world(), dataset, {"/nonexistent/list.txt", ""});
    ADD_FAILURE();
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
  }
}

TEST(ServedUsers, AreAllWithoutAFile) {
  const Dataset dataset = small_dataset(world(), {});
  EXPECT_EQ(served_users(world(), dataset, "").users, owned_users(dataset));
}

TEST(ServedUsers, AreFoundAndStrangersKeptInOrder) {
  const Dataset dataset = small_dataset(world(), {});
  std::string text, strangers;
  for (int i = 0; i < 200; ++i) {
    text += "stranger " + std::to_string(i * 7 % 200) + "\n";
    strangers += "stranger " + std::to_string(i * 7 % 200) + "\n";
  }
  const std::string path = write_file("users.txt", "u5\n" + text + "u39\nu0\nu5\n");
  const ServedUsers served = served_users(world(), dataset, path);
  EXPECT_EQ(all_rows(world(), served.users), (std::vector<Count>{0, 5, 39}));
  EXPECT_EQ(served.num_unknown, 200);
  EXPECT_EQ(served.num_repeated, 1);
  std::string kept;
  for (Count i = 0; i < served.unknown.size(); ++i) kept += std::string(served.unknown[i]) + "\n";
  const auto all = all_rows(world(), std::vector<char>(kept.begin(), kept.end()));
  EXPECT_EQ(std::string(all.begin(), all.end()), strangers);
  EXPECT_THROW(served_users(world(), dataset, write_file("nobody.txt", "\n\n")), InputError);
}

}  // namespace
}  // namespace pushcart::test
