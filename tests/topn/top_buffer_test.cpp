#include "topn/top_buffer.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "pushcart/base/random.hpp"

namespace pushcart::test {
namespace {

using detail::RankKey;
using detail::ranks_before;
using detail::ScoredItem;
using detail::TopBuffer;

std::vector<Count> best_of(TopBuffer& buffer) {
  std::vector<Count> items;
  const Count size = buffer.sort();
  for (Count i = 0; i < size; ++i) items.push_back(buffer[i].item());
  return items;
}

TEST(TopBuffer, KeepsTheBestInAnyOrderOfOffers) {
  for (const Count wanted : {1, 3, 20, 100}) {
    for (const Count offered : {0, 1, 19, 21, 5000}) {
      std::vector<ScoredItem> all;
      for (Count i = 0; i < offered; ++i) {
        const auto draw = RandomStream(7, static_cast<std::uint64_t>(i)).below(0, 300);  // many ties
        all.push_back({(i * 7919) % 10007, static_cast<float>(draw)});
      }
      std::vector<RankKey> memory(static_cast<std::size_t>(TopBuffer::room(wanted)));
      TopBuffer buffer(memory.data(), wanted);
      for (const ScoredItem& item : all) buffer.offer({item.item, item.score});
      std::sort(all.begin(), all.end(), ranks_before);
      std::vector<Count> expected;
      for (Count i = 0; i < std::min(wanted, offered); ++i)
        expected.push_back(all[static_cast<std::size_t>(i)].item);
      EXPECT_EQ(best_of(buffer), expected) << wanted << " of " << offered;
    }
  }
}

TEST(RankKey, RanksAsScoresAndItemsDo) {
  constexpr float inf = std::numeric_limits<float>::infinity(),
                  tiny = std::numeric_limits<float>::denorm_min();
  std::vector<float> scores{-inf, -3e38F, -1.5F, -1.0F,           -tiny, -0.0F,
                            0.0F, tiny,   1.0F,  1.0F + 0x1p-23F, 3e38F, inf};
  std::vector<ScoredItem> all;
  for (float score : scores) {
    for (const Count item : {Count{0}, Count{1}, Count{1} << 31, RankKey::max_items - 1})
      all.push_back({item, score});
  }
  for (const ScoredItem& a : all) {
    const RankKey key(a.item, a.score);
    EXPECT_EQ(key.item(), a.item);
    EXPECT_EQ(key.score(), a.score);
    EXPECT_TRUE(key < RankKey::last());
    EXPECT_TRUE(key < RankKey::last_of(a.score));
    for (const ScoredItem& b : all) {
      EXPECT_EQ(key < RankKey(b.item, b.score), ranks_before(a, b)) << a.score << " " << b.score;
      if (b.score < a.score) {
        EXPECT_TRUE(RankKey::last_of(a.score) < RankKey(b.item, b.score));
      }
    }
  }
}

TEST(TopBuffer, TakesTiesWithTheExpectedScore) {
  std::vector<RankKey> memory(static_cast<std::size_t>(TopBuffer::room(2)));
  TopBuffer buffer(memory.data(), 2);
  buffer.expect_at_least(1.0F);
  buffer.offer({4, 0.5F});
  buffer.offer({9, 1.0F});
  buffer.offer({5, 1.0F});
  buffer.offer({3, 1.0F});
  EXPECT_EQ(best_of(buffer), (std::vector<Count>{3, 5}));
}

}  // namespace
}  // namespace pushcart::test
