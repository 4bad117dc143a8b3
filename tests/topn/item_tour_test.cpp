#include <gtest/gtest.h>

#include "topn/item_block.hpp"
#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

using detail::ItemBlock;
using detail::ItemTour;
using detail::TourOrder;

/// 3000 items of 5 columns with norms that do not fall with the index, one in three not allowed.
struct Catalogue {
  Catalogue() : items(Partition::even(3000, world().size())) {
    const Range owned = items.range(world().rank());
    factors = filled_table(owned, 5, normal_cells(1));
    for (Count item = owned.begin; item < owned.end; ++item) {
      bias.push_back(static_cast<float>(item));
      allowed.push_back(item % 3 != 1);
    }
  }
  detail::ItemSide side() const { return {items, bias, factors, allowed}; }
  void expect_row(const ItemBlock& block, Count position) const {
    const auto i = static_cast<std::size_t>(position);
    const Count item = block.items()[i];
    EXPECT_EQ(block.bias()[i], static_cast<float>(item));
    for (Count c = 0; c < 5; ++c)
      EXPECT_EQ(block.row(position)[static_cast<std::size_t>(c)], normal_cells(1)(item, c));
  }
  Partition items;
  FactorTable factors;
  std::vector<float> bias;
  std::vector<std::uint8_t> allowed;
};

TEST(ItemTour, ShowsEveryAllowedItemOnceToAllRanks) {
  const Catalogue catalogue;
  for (const TourOrder order : {TourOrder::by_index, TourOrder::by_norm}) {
    ItemTour tour(world(), catalogue.side(), order);
    std::vector<Count> seen;
    double largest_before = HUGE_VAL;
    while (const ItemBlock* block = tour.next()) {
      tour.progress();
      double norm_before = HUGE_VAL;
      for (Count i = 0; i < block->size(); ++i) {
        seen.push_back(block->items()[static_cast<std::size_t>(i)]);
        catalogue.expect_row(*block, i);
        const double norm = detail::euclidean_norm(block->row(i));
        if (order == TourOrder::by_norm) {
          EXPECT_LE(norm, norm_before);
        }
        if (order == TourOrder::by_norm && i == 0) {
          EXPECT_LE(norm, largest_before);
        }
        if (i == 0) largest_before = norm;
        norm_before = norm;
      }
    }
    if (order == TourOrder::by_index) {
      EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    }
    std::sort(seen.begin(), seen.end());
    std::vector<Count> expected;
    for (Count item = 0; item < 3000; ++item) {
      if (item % 3 != 1) expected.push_back(item);
    }
    EXPECT_EQ(seen, expected);
  }
}

TEST(ItemTour, TakesTheFirstItemsOfAllOwnersAndGoesOnBehindThem) {
  const Catalogue catalogue;
  std::vector<Count> whole;
  ItemTour reference(world(), catalogue.side(), TourOrder::by_norm);
  while (const ItemBlock* next = reference.next())
    whole.insert(whole.end(), next->items().begin(), next->items().end());
  for (const Count size : {Count{1}, Count{1024}, Count{1500}, Count{5000}}) {  // more than there are: all
    ItemTour tour(world(), catalogue.side(), TourOrder::by_norm);
    const ItemBlock block = tour.take_first(size);
    for (Count i = 0; i < block.size(); ++i) catalogue.expect_row(block, i);
    const auto taken = std::min(whole.size(), static_cast<std::size_t>(size));
    std::vector<Count> first(block.items().begin(), block.items().end()), shown;
    std::vector<Count> expected(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(taken));
    std::sort(first.begin(), first.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(first, expected);
    while (const ItemBlock* next = tour.next())
      shown.insert(shown.end(), next->items().begin(), next->items().end());
    EXPECT_EQ(shown, std::vector<Count>(whole.begin() + static_cast<std::ptrdiff_t>(taken), whole.end()));
  }
}

}  // namespace
}  // namespace pushcart::test
