#include <gtest/gtest.h>

#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

Model popular_model(const Dataset& dataset) {
  Model popular;
  popular.family = "popular";
  popular.users = dataset.users;
  popular.items = dataset.items;
  set_bias(popular, [](Count item) { return static_cast<float>((item * 7) % 40); });
  return popular;
}

TEST(FillFromPopular, AddsTheMostPopularItemsThatAreWantedAndNotThere) {
  SmallDataset shape;
  shape.num_items = 1300;  // more than two chunks
  shape.density = 0.05;
  const Dataset dataset = small_dataset(world(), shape);
  const Model popular = popular_model(dataset);
  TopRequest request = all_users(dataset, 700);
  exclude_seen(dataset, request);
  const Range owned = dataset.items.range(world().rank());
  for (Count item = owned.begin; item < owned.end; ++item) request.item_allowed.push_back(item % 5 != 2);

  TopLists lists;
  lists.rows = request.users;
  lists.source_names = {"als"};
  for (Count user : request.users) {
    for (Count item = 0; item < user % 4; ++item) {
      lists.items.push_back(1000 + item * 5);
      lists.scores.push_back(9.0F - static_cast<float>(item));
      lists.sources.push_back(0);
    }
    lists.offsets.push_back(static_cast<Count>(lists.items.size()));
  }
  lists.rows.push_back(-1);  // a user who is not in the dataset
  lists.offsets.push_back(static_cast<Count>(lists.items.size()));
  const TopLists before = lists;
  fill_from_popular(world(), popular, request, lists, "popular");

  EXPECT_EQ(lists.rows, before.rows);
  EXPECT_EQ(lists.source_names, (std::vector<std::string>{"als", "popular"}));
  std::vector<std::pair<Count, Count>> order;  // minus popularity, item
  for (Count item = 0; item < dataset.num_items(); ++item) {
    if (item % 5 != 2) order.push_back({-((item * 7) % 40), item});
  }
  std::sort(order.begin(), order.end());
  for (std::size_t r = 0; r < lists.rows.size(); ++r) {
    std::vector<Count> expected(before.items.begin() + before.offsets[r],
                                before.items.begin() + before.offsets[r + 1]);
    const std::size_t own = expected.size();
    for (const auto& entry : order) {
      if (expected.size() == 700) break;
      const bool there = std::find(expected.begin(), expected.end(), entry.second) != expected.end();
      bool seen = false;
      if (r < request.users.size()) {
        const auto excluded = request.excluded.row_columns(static_cast<Count>(r));
        seen = std::find(excluded.begin(), excluded.end(), entry.second) != excluded.end();
      }
      if (!there && !seen) expected.push_back(entry.second);
    }
    const auto begin = lists.items.begin() + lists.offsets[r],
               end = lists.items.begin() + lists.offsets[r + 1];
    EXPECT_EQ(std::vector<Count>(begin, end), expected);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto at = static_cast<std::size_t>(lists.offsets[r]) + i;
      EXPECT_EQ(lists.sources[at], i < own ? 0 : 1);
      if (i >= own) {
        EXPECT_EQ(lists.scores[at], static_cast<float>((lists.items[at] * 7) % 40));
      }
    }
  }
}

TEST(FillFromPopular, StopsAtTheEndOfTheCatalogue) {
  const Dataset dataset = dataset_of(world(), 2, 3, {{0, 0, 0, 1.0F}, {1, 2, 0, 1.0F}});
  TopRequest request = all_users(dataset, 10);
  exclude_seen(dataset, request);
  TopLists lists;
  lists.rows = request.users;
  lists.offsets.assign(request.users.size() + 1, 0);
  fill_from_popular(world(), popular_model(dataset), request, lists, "popular");
  for (std::size_t r = 0; r < lists.rows.size(); ++r) {
    const std::vector<Count> expected =
        lists.rows[r] == 0 ? std::vector<Count>{2, 1} : std::vector<Count>{1, 0};  // popularity 0, 7, 14
    EXPECT_EQ(std::vector<Count>(lists.items.begin() + lists.offsets[r],
                                 lists.items.begin() + lists.offsets[r + 1]),
              expected);
  }
}

}  // namespace
}  // namespace pushcart::test
