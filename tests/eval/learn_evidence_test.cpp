#include "eval/learn_evidence.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using detail::EvidenceGain;

/// Learned from users dealt to the ranks.
LearnedEvidence learned(const Communicator& comm, const std::vector<EvidenceGain>& users) {
  std::vector<EvidenceGain> mine;
  for (std::size_t u = 0; u < users.size(); ++u) {
    if (static_cast<int>(u) % comm.size() == comm.rank()) mine.push_back(users[u]);
  }
  return detail::learn_min_evidence(comm, mine, 200, 1);
}

/// Others gain about `gain` below the turn, and lose as much from there on, with noise of +-1; users without
/// pairs, who must not count, lose much more.
std::vector<EvidenceGain> users_with_turn(Count turn, double gain) {
  std::vector<EvidenceGain> users;
  const RandomStream random(3, static_cast<std::uint64_t>(turn));
  for (std::uint64_t u = 0; u < 600; ++u) {
    const auto pairs = static_cast<Count>(random.below(2 * u, 24));
    const double noise = 2 * random.uniform(2 * u + 1) - 1;
    users.push_back({u, pairs, pairs == 0 ? -100.0 : (pairs < turn ? gain : -gain) + noise});
  }
  return users;
}

TEST(LearnEvidence, FindsTheTurn) {
  for (const Count turn : {2, 5, 9, 15}) {
    const auto users = users_with_turn(turn, 3);
    const LearnedEvidence found = learned(world(), users);
    EXPECT_EQ(found.min_evidence, turn);
    double gain = 0;
    for (const EvidenceGain& user : users)
      gain += user.num_pairs > 0 && user.num_pairs < turn ? user.gain : 0;
    EXPECT_NEAR(found.gain, gain / 600, 1e-12);
    EXPECT_GT(found.interval.low, 0);
    EXPECT_LT(found.interval.low, found.gain);
    EXPECT_GT(found.interval.high, found.gain);
  }
}

TEST(LearnEvidence, TakesNoiseForNoGain) {
  EXPECT_EQ(learned(world(), users_with_turn(1, 0.1)).min_evidence, 1);
  std::vector<EvidenceGain> one_lucky{{1, 1, 5.0}};
  for (std::uint64_t u = 2; u < 100; ++u)
    one_lucky.push_back({u, static_cast<Count>(u % 7), u % 7 ? -0.01 : 0.0});
  EXPECT_EQ(learned(world(), one_lucky).min_evidence, 1);
  EXPECT_EQ(learned(world(), {}).min_evidence, 1);
}

TEST(LearnEvidence, GivesTheSameBitsOnOneRank) {
  const Communicator alone = world().split(world().rank(), 0);
  const auto users = users_with_turn(6, 0.5);
  const LearnedEvidence found = learned(world(), users), expected = learned(alone, users);
  EXPECT_EQ(found.min_evidence, expected.min_evidence);
  EXPECT_EQ(found.gain, expected.gain);
  EXPECT_EQ(found.interval.low, expected.interval.low);
  EXPECT_EQ(found.interval.high, expected.interval.high);
}

}  // namespace
}  // namespace pushcart::test
