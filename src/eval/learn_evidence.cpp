#include "eval/learn_evidence.hpp"

#include <array>

#include "eval/bootstrap.hpp"

namespace pushcart::detail {

LearnedEvidence learn_min_evidence(const Communicator& comm, std::span<const EvidenceGain> users,
                                   Count replicates, std::uint64_t seed) {
  constexpr std::array<Count, 18> thresholds{2,  3,  4,  5,  6,  7,   8,   9,   10,
                                             12, 15, 20, 30, 50, 100, 200, 500, 1000};
  constexpr std::size_t one = thresholds.size();  // the column of a 1 a user
  std::vector<std::uint64_t> keys;
  std::vector<double> table;
  for (const EvidenceGain& user : users) {
    keys.push_back(user.user_key);
    for (const Count threshold : thresholds) {
      const bool served_by_others = user.num_pairs > 0 && user.num_pairs < threshold;
      table.push_back(served_by_others ? user.gain : 0.0);
    }
    table.push_back(1);
  }
  const auto sums = bootstrap_sums(comm, keys, table, one + 1, replicates, seed);
  LearnedEvidence best;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const MetricOfSums gain = [i](std::span<const double> s) { return s[i] / s[one]; };
    const auto interval = percentile_interval(sums, gain);
    if (!interval || !(interval->low > best.interval.low)) continue;
    best.min_evidence = thresholds[i];
    best.gain = gain(sums.point);
    best.interval = *interval;
  }
  return best;
}

}  // namespace pushcart::detail
