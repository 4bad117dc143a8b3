#include "pushcart/ids/number_texts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "support/world.hpp"

namespace pushcart::test {
namespace {

/// Texts of a rank, some of them twice there and on several ranks, and their counts.
void fill(int rank, StringTable& texts, std::vector<Count>& counts) {
  for (int n = 0; n < 40; ++n) {
    texts.push_back("text " + std::to_string((n * 7 + rank * 3) % 23));
    counts.push_back(1 + (n + rank) % 3);
  }
}

TEST(NumberTexts, CountsOverAllRanksAndNumbersByCountThenBytes) {
  StringTable texts;
  std::vector<Count> counts;
  fill(world().rank(), texts, counts);
  std::map<std::string, Count> totals;
  for (int rank = 0; rank < world().size(); ++rank) {
    StringTable there;
    std::vector<Count> counted;
    fill(rank, there, counted);
    for (Count n = 0; n < there.size(); ++n)
      totals[std::string(there[n])] += counted[static_cast<std::size_t>(n)];
  }
  for (const CountLimits limits :
       {CountLimits{1, 1000}, CountLimits{3 * world().size(), 4 * world().size()}}) {
    std::vector<std::pair<Count, std::string>> order;
    for (const auto& [text, count] : totals) {
      if (count >= limits.least && count <= limits.most) order.emplace_back(-count, text);
    }
    std::sort(order.begin(), order.end());
    const TextNumbers numbers = number_texts(world(), texts, counts, limits);
    EXPECT_EQ(numbers.total, static_cast<Count>(order.size()));
    for (Count n = 0; n < texts.size(); ++n) {
      const auto at = static_cast<std::size_t>(n);
      const std::string text(texts[n]);
      EXPECT_EQ(numbers.count[at], totals[text]);
      const auto found = std::find(order.begin(), order.end(), std::pair{-totals[text], text});
      EXPECT_EQ(numbers.index[at], found == order.end() ? -1 : found - order.begin()) << text;
    }
  }
}

TEST(NumberTexts, BearsRanksWithoutTexts) {
  StringTable texts;
  if (world().rank() == world().size() - 1) texts.push_back("only");
  const TextNumbers numbers =
      number_texts(world(), texts, std::vector<Count>(static_cast<std::size_t>(texts.size()), 1), {1, 9});
  EXPECT_EQ(numbers.total, 1);
}

}  // namespace
}  // namespace pushcart::test
