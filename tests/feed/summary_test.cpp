#include "pushcart/feed/summary.hpp"

#include <gtest/gtest.h>

#include "feed/small_shop.hpp"

namespace pushcart::test {
namespace {

std::string printed(const std::vector<std::string>& users, Count n) {
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  return print_lists(world(), dataset, shop.top_lists(world(), dataset), users, n);
}

TEST(PrintLists, ShowsHistoryAndListWithNames) {
  const auto text = printed({"alice"}, 2);
  EXPECT_EQ(text, world().is_root() ? "User alice (2 items), latest first:\n"
                                      "    i\"3, strength 1, 2023-11-15\n"
                                      "    Tea pot [i1], strength 3, 2023-11-14\n"
                                      "  is recommended:\n"
                                      "   1. Cup, \"blue\" [i,2], score 0.5 (als)\n"
                                      "   2. bad\xEF\xBF\xBD utf8 </script> [i4], score 0.1 (als)\n"
                                    : "");
}

TEST(PrintLists, SaysWhatSpeaksForAnItem) {
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  const std::vector<std::string> users{"alice"};
  const auto text = print_lists(world(), dataset, shop.explained_lists(world(), dataset), users, 3);
  if (!world().is_root()) return;
  EXPECT_NE(text.find("[i,2], score 0.5 (als), because of Tea pot [i1]\n"), std::string::npos);
  EXPECT_NE(text.find("[i4], score 0.1 (als), because of Cup, \"blue\" [i,2]\n"), std::string::npos);
  EXPECT_NE(text.find("[<i5>], score -2e-07 (popular)\n"), std::string::npos);
}

TEST(PrintLists, KeepsTheOrderAskedForAndSaysWhoIsUnknown) {
  const auto text = printed({"last", "nobody\x1B[2J", "line\nbreak"}, 1);
  if (!world().is_root()) return;
  const auto last = text.find("User last (1 item)");
  const auto nobody = text.find("User nobody [2J: not in the data");
  const auto line = text.find("User line break (1 item)");
  ASSERT_NE(line, std::string::npos);
  EXPECT_LT(last, nobody);
  EXPECT_LT(nobody, line);
  EXPECT_NE(text.find("has no list"), std::string::npos);  // "last" has an empty one
}

TEST(PrintLists, WithoutUsersTakesHeavyMiddlingAndLight) {
  const auto text = printed({}, 1);
  if (!world().is_root()) return;
  EXPECT_LT(text.find("User alice"), text.find("User line break"));
  EXPECT_LT(text.find("User line break"), text.find("User last"));
  EXPECT_EQ(text.find("User bob"), std::string::npos);
}

}  // namespace
}  // namespace pushcart::test
