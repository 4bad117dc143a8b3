#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Pairs of the users owned by hash, in order of user slot and item (owner, slot).
struct PairTable {
  struct Pair {
    std::uint32_t user = 0;  ///< slot here
    ProvisionalId item;
    float value = 0;
    std::int64_t last_time = 0;
  };
  std::vector<Pair> pairs;
  std::size_t num_columns = 0;               ///< event types kept apart; 0 for ratings
  std::vector<float> type_strength;          ///< row-major, a row a pair
  std::vector<std::int64_t> type_last_time;  ///< likewise; of events that add, 0 = none
  Count taken_back = 0;                      ///< pairs whose events sum to nothing

  std::size_t size() const { return pairs.size(); }
  /// Keeps the pairs whose flag is not 0.
  void keep(const std::vector<std::uint8_t>& flags);
};

/// Which events are summed, and from where age counts.
struct SumPeriod {
  std::int64_t after = std::numeric_limits<std::int64_t>::min();  ///< unix seconds, exclusive
  std::int64_t until = std::numeric_limits<std::int64_t>::max();  ///< inclusive
  std::int64_t decay_anchor = 0;
  bool decays = true;
};

/// Event types whose strengths are kept apart, sorted: those that events carry or take back.
std::vector<std::string> strength_columns(const InteractionLog& log, const IngestConfig& config);

/// Sums events to pairs (build_dataset.hpp says how). On all threads. Local.
PairTable sum_pairs(const InteractionLog& log, const IngestConfig& config,
                    const std::vector<std::string>& columns, const SumPeriod& period);

}  // namespace pushcart::detail
