#include "pushcart/matrix/attach_attributes.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/matrix/build_dataset.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using testing::HasSubstr;

/// 40 users and 30 items; items have the category and name "old".
Dataset shop_of_names(const std::string& folder) {
  std::string text = "user,item,name,category\n";
  for (int i = 0; i < 120; ++i) text += fmt::format("u{},i{},old,old\n", i % 40, i % 30);
  write_file(folder + "/log.csv", text);
  IngestConfig config;
  config.inputs = {folder + "/log.csv"};
  config.format.columns = {
      {Role::user, "user"}, {Role::item, "item"}, {Role::name, "name"}, {Role::category, "category"}};
  config.max_rejects.kind = RejectLimit::Kind::unlimited;
  CleaningReport report;
  PhaseLog phases;
  return build_dataset(world(), clean_log(world(), config, report, phases), config, {}, report, phases);
}

using Values = std::map<std::string, std::string>;

void expect_values(const StringTable& ids, const StringTable& values, const Values& expected,
                   const std::string& otherwise) {
  ASSERT_EQ(ids.size(), values.size());
  for (Count row = 0; row < ids.size(); ++row) {
    const auto found = expected.find(std::string(ids[row]));
    EXPECT_EQ(values[row], found == expected.end() ? otherwise : found->second) << ids[row];
  }
}

TEST(AttachAttributes, BringsColumnsToTheOwnersOfTheirItems) {
  const auto folder = scratch_folder("items");
  auto dataset = shop_of_names(folder);
  std::string text = "brand,title,item,category\n";
  Values brands, names, categories;
  for (int i = 24; i >= 0; --i) {
    const auto id = fmt::format("i{}", i);
    brands[id] = i % 2 == 0 ? fmt::format("B, \"x\" {}", i) : "";
    names[id] = fmt::format("Name {}", i);
    categories[id] = i % 3 == 0 ? "new" : "old";
    text += fmt::format("{},{},{},{}\r\n", i % 2 == 0 ? fmt::format("\"B, \"\"x\"\" {}\"", i) : "", names[id],
                        id, i % 3 == 0 ? "new" : "");
  }
  text += "late,Late,i3,late\n\nnobody,Nobody,zzz,none\n\"open,x,i4,y\nshort,Short,i25\n";
  text += "a,b,i26,d,e\nno id,x,,y\n";
  brands["i25"] = "short";
  names["i25"] = "Short";
  write_file(folder + "/items.csv", text);
  const auto report = attach_attributes(world(), dataset, AttributeSide::items,
                                        {.path = folder + "/items.csv", .id_column = "item"});
  EXPECT_EQ(report.rows, 31);
  EXPECT_EQ(report.matched, 26);
  EXPECT_EQ(report.unknown, 1);
  EXPECT_EQ(report.repeated, 1);
  EXPECT_EQ(report.bad, 3);
  expect_values(dataset.item_ids, dataset.item_names, names, "old");
  ASSERT_EQ(dataset.item_attributes.size(), 2U);
  EXPECT_EQ(dataset.item_attributes[0].name, "category");
  EXPECT_EQ(dataset.item_attributes[1].name, "brand");
  expect_values(dataset.item_ids, dataset.item_attributes[0].values, categories, "old");
  expect_values(dataset.item_ids, dataset.item_attributes[1].values, brands, "");
}

TEST(AttachAttributes, ReadsUsersFromAFileWithoutHeader) {
  const auto folder = scratch_folder("users");
  auto dataset = shop_of_names(folder);
  write_file(folder + "/users.tsv", "u1\tF\t25, or so\nu39\tM\t\xff\n");
  const auto report =
      attach_attributes(world(), dataset, AttributeSide::users,
                        {.path = folder + "/users.tsv", .column_names = {"user", "gender", "name"}});
  EXPECT_EQ(report.rows, 2);
  EXPECT_EQ(report.matched, 2);
  ASSERT_EQ(dataset.user_attributes.size(), 2U);  // a user's name is an attribute like others
  EXPECT_EQ(dataset.user_attributes[1].name, "name");
  expect_values(dataset.user_ids, dataset.user_attributes[0].values, {{"u1", "F"}, {"u39", "M"}}, "");
  expect_values(dataset.user_ids, dataset.user_attributes[1].values,
                {{"u1", "25, or so"}, {"u39", "\xef\xbf\xbd"}}, "");
}

TEST(AttachAttributes, GivesUnknownItemsAPlaceIfAskedTo) {
  const auto folder = scratch_folder("added");
  auto dataset = shop_of_names(folder);
  dataset.item_vectors.push_back({"v", 1, {}});
  const Range before = dataset.items.range(world().rank());
  for (Count item = before.begin; item < before.end; ++item)
    dataset.item_vectors.front().values.push_back(static_cast<float>(item) + 1);
  const auto ids = all_texts(dataset.item_ids);
  const auto pairs = world().allgather(std::span<const Count>(dataset.by_user.columns)).data;

  std::string text = "item,title,shade\n";
  for (int i = 299; i >= 0; --i) text += fmt::format("n{:03},New {},dark\n", i, i);
  text += "i3,Third,light\nn007,Again,pale\n";
  write_file(folder + "/items.csv", text);
  const auto report =
      attach_attributes(world(), dataset, AttributeSide::items,
                        {.path = folder + "/items.csv", .unknown_items = UnknownItems::added});
  EXPECT_EQ(report.rows, 302);
  EXPECT_EQ(report.added, 300);
  EXPECT_EQ(report.matched, 301);
  EXPECT_EQ(report.unknown, 0);
  EXPECT_EQ(report.repeated, 1);
  ASSERT_EQ(dataset.num_items(), 330);

  auto expected_ids = ids;
  expected_ids.push_back("n007");  // it has two rows
  for (int i = 0; i < 300; ++i) {
    if (i != 7) expected_ids.push_back(fmt::format("n{:03}", i));
  }
  EXPECT_EQ(all_texts(dataset.item_ids), expected_ids);
  const auto names = all_texts(dataset.item_names), shades = all_texts(dataset.item_attributes.at(1).values);
  const auto vectors = world().allgather(std::span<const float>(dataset.item_vectors.at(0).values)).data;
  ASSERT_EQ(vectors.size(), 330U);
  for (std::size_t item = 0; item < 330; ++item) {
    const bool is_new = item >= 30, is_third = !is_new && ids[item] == "i3";
    EXPECT_EQ(names[item], is_new     ? fmt::format("New {}", std::stoi(expected_ids[item].substr(1)))
                           : is_third ? "Third"
                                      : "old");
    EXPECT_EQ(shades[item], is_new ? "dark" : is_third ? "light" : "");
    EXPECT_EQ(vectors[item], is_new ? 0.0F : static_cast<float>(item) + 1);
  }
  EXPECT_EQ(world().allgather(std::span<const Count>(dataset.by_user.columns)).data, pairs);
  EXPECT_EQ(dataset.by_user.num_columns, 330);
  EXPECT_EQ(dataset.by_item.rows, dataset.items.range(world().rank()));
  EXPECT_EQ(world().sum(dataset.by_item.num_entries()), 120);
  const Range after = dataset.by_item.rows;
  for (Count item = std::max<Count>(30, after.begin); item < after.end; ++item)
    EXPECT_EQ(dataset.by_item.row_length(item - after.begin), 0);

  // As a file, cut anew: nothing is lost.
  write_dataset(world(), folder + "/data.h5", dataset);
  const Dataset back = read_dataset(world(), folder + "/data.h5");
  EXPECT_EQ(all_texts(back.item_ids), expected_ids);
  EXPECT_EQ(back.items, dataset.items);
}

TEST(AttachAttributes, SaysWhatIsWrong) {
  const auto folder = scratch_folder("wrong");
  auto dataset = shop_of_names(folder);
  write_file(folder + "/a.csv", "item,brand\nx,y\n");
  write_file(folder + "/twice.csv", "item,brand,brand\ni1,y,z\n");
  const auto failure = [&](const AttributeFile& file, ExitCode code) -> std::string {
    try {
      attach_attributes(world(), dataset, AttributeSide::items, file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  };
  EXPECT_THAT(failure({.path = folder + "/none.csv"}, ExitCode::storage), HasSubstr("none.csv"));
  EXPECT_THAT(failure({.path = folder + "/a.csv", .id_column = "itm"}, ExitCode::usage), HasSubstr("'item'"));
  EXPECT_THAT(failure({.path = folder + "/a.csv", .name_column = "title"}, ExitCode::usage),
              HasSubstr("title"));
  EXPECT_THAT(failure({.path = folder + "/a.csv"}, ExitCode::bad_input), HasSubstr("none of its 1 rows"));
  EXPECT_THAT(failure({.path = folder + "/twice.csv"}, ExitCode::usage), HasSubstr("brand"));
  EXPECT_EQ(dataset.item_attributes.size(), 1U);
}

}  // namespace
}  // namespace pushcart::test
