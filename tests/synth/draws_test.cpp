#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "pushcart/base/error.hpp"
#include "synth/alias_table.hpp"
#include "synth/draw.hpp"
#include "synth/words.hpp"

namespace pushcart::synth {
namespace {

TEST(AliasTable, DrawsEachOutcomeByItsWeight) {
  const std::vector<double> weights{1, 0, 5, 2, 0, 0.5, 1.5};
  std::vector<AliasSlot> slots(weights.size());
  build_alias(weights, slots);
  std::vector<double> drawn(weights.size());
  Draw draw(1, Purpose::item, 0);
  constexpr int num_draws = 200000;
  for (int n = 0; n < num_draws; ++n) ++drawn[static_cast<std::size_t>(pick_slot(slots, draw.bits()))];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double expected = num_draws * weights[i] / 10.0;
    EXPECT_NEAR(drawn[i], expected, 5 * std::sqrt(expected)) << i;
  }
}

TEST(AliasTable, SingleOutcomeIsAlwaysDrawn) {
  std::vector<AliasSlot> slots(1);
  build_alias(std::vector<double>{3.5}, slots);
  EXPECT_EQ(pick_slot(slots, 0), 0);
  EXPECT_EQ(pick_slot(slots, ~std::uint64_t{0}), 0);
}

TEST(AliasTable, RefusesWeightsThatAreAllZero) {
  std::vector<AliasSlot> slots(2);
  EXPECT_THROW(build_alias(std::vector<double>{0, 0}, slots), InternalError);
}

TEST(Draw, NormalNumbersHaveTheMomentsOfANormal) {
  Draw draw(3, Purpose::user, 5);
  double sum = 0, squares = 0, fourth = 0, lag = 0, last = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = draw.normal();
    sum += x, squares += x * x, fourth += x * x * x * x, lag += x * last;
    last = x;
  }
  EXPECT_NEAR(sum / n, 0, 0.02);
  EXPECT_NEAR(squares / n, 1, 0.03);
  EXPECT_NEAR(fourth / n, 3, 0.2);
  EXPECT_NEAR(lag / n, 0, 0.02);
}

TEST(Draw, GeometricNumbersHaveTheirMean) {
  Draw draw(3, Purpose::user, 6);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) sum += static_cast<double>(draw.geometric(4.0));
  EXPECT_NEAR(sum / 100000, 4.0, 0.1);
}

TEST(Words, NamesOfACategoryNeverRepeat) {
  const CategoryWords& garden = category_words()[0];
  std::set<std::string> names;
  for (Count serial = 0; serial < 50000; ++serial) names.insert(item_name(garden, words_of_item(serial)));
  EXPECT_EQ(names.size(), 50000U);
}

TEST(Words, NoNounStandsInTwoCategories) {
  std::set<std::string_view> nouns;
  for (const CategoryWords& category : category_words()) {
    for (const std::string_view noun : category.nouns) EXPECT_TRUE(nouns.insert(noun).second) << noun;
  }
}

}  // namespace
}  // namespace pushcart::synth
