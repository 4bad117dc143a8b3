#pragma once

#include <cstdint>
#include <span>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/eval/evaluate.hpp"

namespace pushcart::detail {

/// What other lists have over the model for a tested user.
struct EvidenceGain {
  std::uint64_t user_key = 0;  ///< as for bootstrap_sums
  Count num_pairs = 0;         ///< training pairs
  double gain = 0;             ///< in a metric
};

/// The number of training pairs from which on users are better served by the model than by other lists: of
/// 1, 2 ... 10 and some larger ones up to 1000 that whose gain over 1 has the highest lower end of its 95 %
/// interval; 1 if none is above 0. Users without pairs do not count: the model knows nothing of them.
/// Collective; the same bits for any number of ranks.
/// @param replicates  at least 1
LearnedEvidence learn_min_evidence(const Communicator& comm, std::span<const EvidenceGain> users,
                                   Count replicates, std::uint64_t seed);

}  // namespace pushcart::detail
