#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "pushcart/base/random.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_strings.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

TEST(Partition, CoversEveryRowOnceOnGranuleBoundaries) {
  for (const Count num_rows : {0, 1, 3, 255, 256, 1000, 100000}) {
    for (const int ranks : {1, 2, 3, 7, 64}) {
      RandomStream random(static_cast<std::uint64_t>(num_rows), static_cast<std::uint64_t>(ranks));
      std::vector<double> costs;
      for (Count g = 0; g < Partition::num_granules(num_rows); ++g) costs.push_back(random.next_uniform() * 100);
      const auto partition = Partition::balanced(num_rows, costs, ranks);
      ASSERT_EQ(partition.num_ranks(), ranks);
      ASSERT_EQ(partition.num_rows(), num_rows);
      Count next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Range range = partition.range(rank);
        EXPECT_EQ(range.begin, next);
        next = range.end;
        EXPECT_TRUE(range.end == num_rows || range.end % Partition::granule(num_rows) == 0);
        if (range.size() > 0) {
          EXPECT_EQ(partition.owner(range.begin), rank);
          EXPECT_EQ(partition.owner(range.end - 1), rank);
        }
      }
      EXPECT_EQ(next, num_rows);
    }
  }
}

TEST(Partition, KeepsEveryRankWithinAGranuleOfItsShare) {
  constexpr Count num_rows = 100000;
  std::vector<double> costs;
  for (Count g = 0; g < Partition::num_granules(num_rows); ++g) costs.push_back(1.0 / static_cast<double>(g + 10));
  const double total = std::accumulate(costs.begin(), costs.end(), 0.0);
  const auto partition = Partition::balanced(num_rows, costs, 7);
  for (int rank = 0; rank < 7; ++rank) {
    const Range range = partition.range(rank);
    double cost = 0;
    for (Count g = range.begin / Partition::granule(num_rows); g * Partition::granule(num_rows) < range.end; ++g) {
      cost += costs[static_cast<std::size_t>(g)];
    }
    EXPECT_NEAR(cost, total / 7, costs.front());
  }
}

TEST(Partition, RefusesCutsThatDoNotAscend) {
  EXPECT_THROW(Partition({0, 5, 3}), InternalError);
  EXPECT_THROW(Partition({1, 5}), InternalError);
  EXPECT_THROW(Partition({0}), InternalError);
}

std::string name_of(Count index) {
  return std::string(static_cast<std::size_t>(index % 3), '\0') + "id \"" + std::to_string(index * 7919);
}

StringTable owned_names(const Partition& partition) {
  StringTable names;
  const Range mine = partition.range(world().rank());
  for (Count index = mine.begin; index < mine.end; ++index) names.push_back(name_of(index));
  return names;
}

TEST(FetchStrings, BringsAnyRowsInTheOrderAsked) {
  for (const Count num_rows : {1, 2, 100}) {
    const auto partition = Partition::even(num_rows, world().size());
    const StringTable names = owned_names(partition);
    std::vector<Count> wanted;
    RandomStream random(3, static_cast<std::uint64_t>(world().rank()));
    for (int i = 0; i < 50 * (world().rank() % 2); ++i) {
      wanted.push_back(static_cast<Count>(random.next_below(static_cast<std::uint64_t>(num_rows))));
    }
    const auto fetched = fetch_strings(world(), partition, names, wanted);
    ASSERT_EQ(fetched.size(), static_cast<Count>(wanted.size()));
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(fetched[static_cast<Count>(i)], name_of(wanted[i]));
  }
}

TEST(DictionaryLookup, FindsEveryNameAndNoOther) {
  for (const Count num_rows : {0, 1, 500}) {
    const auto partition = Partition::even(num_rows, world().size());
    const DictionaryLookup lookup(world(), partition, owned_names(partition));
    StringTable asked;
    std::vector<Count> expected;
    for (Count index = world().rank(); index < num_rows; index += world().size() + 1) {
      asked.push_back(name_of(index));
      expected.push_back(index);
      asked.push_back(name_of(index) + "x");
      expected.push_back(-1);
    }
    asked.push_back("");
    expected.push_back(-1);
    EXPECT_EQ(lookup.find(asked), expected);
  }
}

TEST(ExchangeStrings, KeepsOrderWithinEverySource) {
  StringTable texts;
  std::vector<int> destinations;
  for (int i = 0; i < 10; ++i) {
    texts.push_back(std::to_string(world().rank()) + "/" + std::to_string(i));
    destinations.push_back(i % world().size());
  }
  const auto received = exchange_strings(world(), texts, order_by_rank(destinations, world().size()));
  Count next = 0;
  for (int source = 0; source < world().size(); ++source) {
    for (int i = 0; i < 10; ++i) {
      if (i % world().size() == world().rank()) {
        EXPECT_EQ(received[next++], std::to_string(source) + "/" + std::to_string(i));
      }
    }
  }
  EXPECT_EQ(next, received.size());
}

}  // namespace
}  // namespace pushcart
