#include "pushcart/ids/numbering.hpp"

#include <gtest/gtest.h>

#include <map>

#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using Ids = std::map<std::string, Count>;  // id -> count

/// Spreads the ids over the ranks by some rule and compares with a sort of all of them.
void expect_numbering(const Ids& all, std::uint64_t spread_seed) {
  const auto& comm = world();
  StringTable mine;
  std::vector<Count> counts;
  for (const auto& [id, count] : all) {
    if (hash_text(id, spread_seed) % static_cast<std::uint64_t>(comm.size()) !=
        static_cast<std::uint64_t>(comm.rank())) {
      continue;
    }
    mine.push_back(id);
    counts.push_back(count);
  }
  const auto numbering = number_by_count(comm, mine, counts);

  std::vector<std::pair<Count, std::string>> sorted;
  for (const auto& [id, count] : all) {
    if (count > 0) sorted.emplace_back(-count, id);
  }
  std::sort(sorted.begin(), sorted.end());
  Ids expected;
  for (const auto& [id, count] : all) expected[id] = -1;
  for (std::size_t i = 0; i < sorted.size(); ++i) expected[sorted[i].second] = static_cast<Count>(i);
  EXPECT_EQ(numbering.total, static_cast<Count>(sorted.size()));
  ASSERT_EQ(static_cast<Count>(numbering.index_of_slot.size()), mine.size());
  for (Count slot = 0; slot < mine.size(); ++slot) {
    EXPECT_EQ(numbering.index_of_slot[static_cast<std::size_t>(slot)], expected[std::string(mine[slot])])
        << mine[slot];
  }
}

TEST(NumberByCount, IsCountDescendingThenBytesAscending) {
  RandomStream random(5, 1);
  for (std::uint64_t round = 0; round < 6; ++round) {
    Ids all;
    const auto num_ids = std::vector<std::uint64_t>{0, 1, 5, 300, 3000, 3000}[round];
    for (std::uint64_t i = 0; i < num_ids; ++i) {
      std::string id = round == 4 ? std::string(300, 'x') : "id";  // longer than what splitters hold
      const auto length = random.next_below(12);
      for (std::uint64_t b = 0; b < length; ++b)
        id += static_cast<char>(random.next_below(round == 5 ? 256 : 3));
      all[id] = round == 3 ? 1 : static_cast<Count>(random.next_below(4));
    }
    expect_numbering(all, round);
  }
}

TEST(NumberByCount, TellsIdsApartThatArePrefixesOfOthers) {
  const std::string nul("a\0", 2), two("a\0\0", 3);
  expect_numbering(
      {{"", 2}, {"a", 2}, {nul, 2}, {two, 2}, {"ab", 2}, {"\xff", 2}, {"aaaaaaaaa", 2}, {"aaaaaaaa", 2}}, 1);
}

TEST(NumberByCount, SharesTheSortEvenlyWhenAllCountsAreEqual) {
  Ids all;
  for (int i = 0; i < 20000; ++i) all["user-" + std::to_string(mix_bits(static_cast<std::uint64_t>(i)))] = 1;
  StringTable mine;
  const auto& comm = world();
  int position = 0;
  for (const auto& [id, count] : all) {
    if (position++ % comm.size() == comm.rank()) mine.push_back(id);
  }
  const auto numbering =
      number_by_count(comm, mine, std::vector<Count>(static_cast<std::size_t>(mine.size()), 1));
  EXPECT_LE(numbering.sorted_here, 3 * 20000 / (2 * comm.size()));
  EXPECT_EQ(comm.sum(numbering.sorted_here), 20000);
}

}  // namespace
}  // namespace pushcart::test
