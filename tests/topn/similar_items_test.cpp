#include <gtest/gtest.h>

#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

TEST(SimilarItems, EqualsBruteForceOverUnitRows) {
  SmallDataset shape;
  shape.num_items = 2200;
  shape.num_users = 3;
  shape.density = 0.01;
  const Dataset dataset = small_dataset(world(), shape);
  const auto scaled = [](Count row, Count column) {
    if (row % 50 == 9) return 0.0F;
    const float scale = row % 3 == 0 ? 1e-20F : 1e15F;
    return normal_cells(1)(row % 700, column) * scale;  // rows repeat: many exact ties
  };
  const Model model = factor_model(dataset, 10, normal_cells(2), scaled);
  PhaseLog phases;
  const TopLists lists = similar_items(world(), model, 12, phases);

  std::vector<float> unit = all_rows(world(), model.item_factors.values);
  for (std::size_t row = 0; row < unit.size() / 10; ++row) {
    double sum = 0;
    for (std::size_t c = 0; c < 10; ++c)
      sum += static_cast<double>(unit[row * 10 + c]) * static_cast<double>(unit[row * 10 + c]);
    for (std::size_t c = 0; c < 10 && sum != 0; ++c)
      unit[row * 10 + c] = static_cast<float>(static_cast<double>(unit[row * 10 + c]) / std::sqrt(sum));
  }
  const auto row_of = [&](Count item) {
    return std::span<const float>(unit).subspan(static_cast<std::size_t>(item) * 10, 10);
  };
  const auto is_zero = [](Count item) { return item % 50 == 9; };
  const Range owned = dataset.items.range(world().rank());
  ASSERT_EQ(lists.num_rows(), owned.size());
  for (Count r = 0; r < owned.size(); ++r) {
    const Count item = owned.begin + r;
    EXPECT_EQ(lists.rows[static_cast<std::size_t>(r)], item);
    const Count begin = lists.offsets[static_cast<std::size_t>(r)],
                end = lists.offsets[static_cast<std::size_t>(r) + 1];
    if (is_zero(item)) {
      EXPECT_EQ(begin, end);
      continue;
    }
    if (item % 11 != 0) continue;  // every eleventh is enough for the plain version
    std::vector<std::pair<float, Count>> scored;
    for (Count other = 0; other < dataset.num_items(); ++other) {
      if (other == item || is_zero(other)) continue;
      scored.push_back({-static_cast<float>(factor_dot(row_of(item), row_of(other))), other});
    }
    std::sort(scored.begin(), scored.end());
    ASSERT_EQ(end - begin, 12);
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(lists.items[static_cast<std::size_t>(begin) + i], scored[i].second);
      EXPECT_EQ(lists.scores[static_cast<std::size_t>(begin) + i], -scored[i].first);
    }
  }
}

TEST(SimilarItems, NeedsItemFactors) {
  const Dataset dataset = small_dataset(world(), {});
  Model model;
  model.family = "popular";
  model.users = dataset.users;
  model.items = dataset.items;
  PhaseLog phases;
  EXPECT_THROW(similar_items(world(), model, 5, phases), ConfigError);
}

}  // namespace
}  // namespace pushcart::test
