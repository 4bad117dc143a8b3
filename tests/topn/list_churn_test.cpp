#include "pushcart/topn/list_churn.hpp"

#include <gtest/gtest.h>

#include <set>

#include "pushcart/models/renumber.hpp"
#include "support/other_numbering.hpp"

namespace pushcart {
namespace {

using test::shuffled;
using test::world;

constexpr Count num_users = 23, num_items = 17, other_users = 29, other_items = 13, n = 4;

/// Outside numbers of the items in a user's list, then and now.
std::vector<Count> earlier_list(Count user) {
  return {user % 17, (user + 5) % 17, (user + 9) % 17, (user + 14) % 17};
}
std::vector<Count> list_of(Count user) {
  return {user % 15, (2 * user + 5) % 15, (user + 9) % 15};
}

TEST(ListChurn, ComparesByOutsideIds) {
  const Dataset before =
      test::small_dataset(world(), {.num_users = num_users, .num_items = num_items, .types = {}});
  const Dataset now = test::other_numbering(other_users, other_items);
  TopLists earlier, lists;
  const Range owned_before = before.users.range(world().rank()), owned = now.users.range(world().rank());
  for (Count user = owned_before.begin; user < owned_before.end; ++user) {
    if (user % 6 == 5) continue;  // was not served
    earlier.rows.push_back(user);
    for (const Count item : earlier_list(user)) earlier.items.push_back(item);
    earlier.offsets.push_back(static_cast<Count>(earlier.items.size()));
  }
  earlier.rows.push_back(-1);  // somebody the dataset does not know
  earlier.items.push_back(0);
  earlier.offsets.push_back(static_cast<Count>(earlier.items.size()));

  std::vector<Count> item_index(static_cast<std::size_t>(other_items) + 2, -1);
  for (Count index = 0; index < other_items; ++index) {
    item_index[static_cast<std::size_t>(shuffled(index, other_items))] = index;
  }
  const auto indices = [&](Count user) {
    std::vector<Count> items;
    for (const Count number : list_of(shuffled(user, other_users))) {
      if (item_index[static_cast<std::size_t>(number)] >= 0)
        items.push_back(item_index[static_cast<std::size_t>(number)]);
    }
    return items;
  };
  for (Count user = owned.begin; user < owned.end; ++user) {
    lists.rows.push_back(user);
    for (const Count item : indices(user)) lists.items.push_back(item);
    lists.offsets.push_back(static_cast<Count>(lists.items.size()));
  }

  Count compared = 0;
  double sum = 0;
  for (Count user = 0; user < other_users; ++user) {
    const Count number = shuffled(user, other_users);
    if (number >= num_users || number % 6 == 5) continue;
    ++compared;
    std::set<Count> both;
    Count length = 0;
    for (const Count item : list_of(number)) {
      if (item_index[static_cast<std::size_t>(item)] < 0) continue;
      ++length;
      for (const Count other : earlier_list(number)) {
        if (other == item) both.insert(item);
      }
    }
    sum += static_cast<double>(both.size()) / static_cast<double>(std::max(n, length));
  }
  const IdMap ids = map_ids(world(), before, now);
  const ListChurn churn = list_churn(world(), lists, now, earlier, before, ids.users, ids.items);
  EXPECT_EQ(churn.num_users, compared);
  EXPECT_NEAR(churn.overlap, sum / static_cast<double>(compared), 1e-12);
  EXPECT_GT(churn.overlap, 0);
  EXPECT_LT(churn.overlap, 1);
}

TEST(ListChurn, NothingToCompareIsNoChurn) {
  const Dataset dataset = test::small_dataset(world(), {.num_users = 5, .num_items = 4, .types = {}});
  const IdMap ids = map_ids(world(), dataset, dataset);
  const ListChurn churn = list_churn(world(), {}, dataset, {}, dataset, ids.users, ids.items);
  EXPECT_EQ(churn.num_users, 0);
  EXPECT_EQ(churn.churn(), 0);
}

}  // namespace
}  // namespace pushcart
