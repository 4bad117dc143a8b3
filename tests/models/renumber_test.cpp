#include "pushcart/models/renumber.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/other_numbering.hpp"

namespace pushcart::renumber_test {
namespace {

using test::shuffled;
using test::world;

constexpr Count num_users = 23, num_items = 17, k = 3;  // of the model
constexpr Count other_users = 29, other_items = 13;     // of the dataset it comes to

float factor(Count row, Count column) {
  return static_cast<float>(10 * row + column + 1);
}
bool has_weight(Count row, Count column) {
  return (3 * row + column) % 5 == 0;
}
float weight(Count row, Count column) {
  return static_cast<float>(100 * row + column + 1);
}

FactorTable table_of(Range rows) {
  FactorTable table{rows, k, {}};
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count column = 0; column < k; ++column) table.values.push_back(factor(row, column));
  }
  return table;
}

SparseRows weights_of(Range rows) {
  SparseRows weights;
  weights.rows = rows;
  weights.num_columns = num_items;
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count column = 0; column < num_items; ++column) {
      if (!has_weight(row, column)) continue;
      weights.columns.push_back(column);
      weights.values.push_back(weight(row, column));
    }
    weights.offsets.push_back(weights.num_entries());
  }
  return weights;
}

Model full_model(const Dataset& dataset) {
  Model model;
  model.family = "test";
  model.users = dataset.users;
  model.items = dataset.items;
  model.mean = 3.5;
  model.user_factors = table_of(dataset.users.range(world().rank()));
  model.item_factors = table_of(dataset.items.range(world().rank()));
  for (Count item = model.item_factors.rows.begin; item < model.item_factors.rows.end; ++item) {
    model.item_bias.push_back(factor(item, 7));
  }
  for (Count user = model.user_factors.rows.begin; user < model.user_factors.rows.end; ++user) {
    model.user_bias.push_back(factor(user, 8));
  }
  model.item_weights = weights_of(dataset.items.range(world().rank()));
  model.user_items = weights_of(dataset.users.range(world().rank()));
  return model;
}

/// What a row of the other dataset should have: the number behind it if the model knows it, or -1.
Count known(Count index, Count num_rows, Count known_rows) {
  const Count number = shuffled(index, num_rows);
  return number < known_rows ? number : -1;
}

void expect_table(const FactorTable& table, Range rows, Count num_rows, Count known_rows) {
  ASSERT_EQ(table.rows, rows);
  ASSERT_EQ(table.num_columns, k);
  for (Count row = rows.begin; row < rows.end; ++row) {
    const Count number = known(row, num_rows, known_rows);
    for (Count column = 0; column < k; ++column) {
      EXPECT_EQ(table.row(row - rows.begin)[static_cast<std::size_t>(column)],
                number < 0 ? 0.0F : factor(number, column))
          << row;
    }
  }
}

void expect_weights(const SparseRows& found, Range rows, Count num_rows, Count known_rows) {
  ASSERT_EQ(found.rows, rows);
  ASSERT_EQ(found.num_columns, other_items);
  for (Count row = rows.begin; row < rows.end; ++row) {
    std::map<Count, float> expected;
    const Count number = known(row, num_rows, known_rows);
    for (Count column = 0; number >= 0 && column < other_items; ++column) {
      const Count item = known(column, other_items, num_items);
      if (item >= 0 && has_weight(number, item)) expected[column] = weight(number, item);
    }
    std::map<Count, float> entries;
    const auto columns = found.row_columns(row - rows.begin);
    EXPECT_TRUE(std::is_sorted(columns.begin(), columns.end()));
    for (std::size_t e = 0; e < columns.size(); ++e)
      entries[columns[e]] = found.row_values(row - rows.begin)[e];
    EXPECT_EQ(entries, expected) << row;
  }
}

TEST(Renumber, EverythingMovesWithItsOutsideId) {
  const Dataset from =
      test::small_dataset(world(), {.num_users = num_users, .num_items = num_items, .types = {}});
  const Dataset to = test::other_numbering(other_users, other_items);
  const IdMap ids = map_ids(world(), from, to);
  const Model moved = renumber(world(), full_model(from), ids, to);
  const Range users = to.users.range(world().rank()), items = to.items.range(world().rank());
  EXPECT_EQ(moved.family, "test");
  EXPECT_EQ(moved.mean, 3.5);
  expect_table(moved.user_factors, users, other_users, num_users);
  expect_table(moved.item_factors, items, other_items, num_items);
  for (Count item = items.begin; item < items.end; ++item) {
    const Count number = known(item, other_items, num_items);
    EXPECT_EQ(moved.item_bias[static_cast<std::size_t>(item - items.begin)],
              number < 0 ? 0.0F : factor(number, 7));
  }
  for (Count user = users.begin; user < users.end; ++user) {
    const Count number = known(user, other_users, num_users);
    EXPECT_EQ(moved.user_bias[static_cast<std::size_t>(user - users.begin)],
              number < 0 ? 0.0F : factor(number, 8));
  }
  expect_weights(*moved.item_weights, items, other_items, num_items);
  expect_weights(*moved.user_items, users, other_users, num_users);
}

TEST(Renumber, CountsWhoIsKnown) {
  const Dataset from =
      test::small_dataset(world(), {.num_users = num_users, .num_items = num_items, .types = {}});
  const Dataset to = test::other_numbering(other_users, other_items);
  Count users = 0, items = 0;
  for (Count index = 0; index < other_users; ++index) users += known(index, other_users, num_users) >= 0;
  for (Count index = 0; index < other_items; ++index) items += known(index, other_items, num_items) >= 0;
  const IdMap ids = map_ids(world(), from, to);
  EXPECT_EQ(ids.num_users, users);
  EXPECT_EQ(ids.num_items, items);
}

TEST(Renumber, WhatAModelDoesNotHaveStaysAway) {
  const Dataset from =
      test::small_dataset(world(), {.num_users = num_users, .num_items = num_items, .types = {}});
  const Dataset to = test::other_numbering(other_users, other_items);
  Model model;
  model.users = from.users;
  model.items = from.items;
  const Model moved = renumber(world(), model, map_ids(world(), from, to), to);
  EXPECT_TRUE(moved.user_factors.empty() && moved.item_factors.empty());
  EXPECT_TRUE(moved.item_bias.empty() && moved.user_bias.empty());
  EXPECT_FALSE(moved.item_weights || moved.user_items);
}

}  // namespace
}  // namespace pushcart::renumber_test
