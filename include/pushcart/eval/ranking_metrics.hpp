#pragma once

#include <array>
#include <span>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// How good the first N places of one user's list are. T is the set of the user's held-out items that can be
/// ranked (known to the model and not in the training data), never empty; a hit is an item of T. A list
/// shorter than N counts as if the missing places held no hits. All in [0, 1]; reports give the mean over
/// users.
struct RankingMetrics {
  double recall = 0;     ///< hits / |T|
  double precision = 0;  ///< hits / N
  double ndcg = 0;       ///< sum over hits of 1 / log2(place + 1), over that of min(N, |T|) hits at the top
  double map = 0;        ///< sum over hits of (hits up to that place / place), over min(N, |T|)
  double mrr = 0;        ///< 1 / place of the first hit; 0 if there is none
  double hit_rate = 0;   ///< 1 if there is a hit, else 0
};

inline constexpr std::array<std::string_view, 6> ranking_metric_names{"recall", "precision", "ndcg",
                                                                      "map",    "mrr",       "hit_rate"};
std::array<double, 6> as_array(const RankingMetrics& metrics);  ///< in the order of the names

/// Local. @param list  best first, no repeats  @param relevant  T, ascending, not empty  @param n  N >= 1
RankingMetrics ranking_metrics(std::span<const Count> list, std::span<const Count> relevant, Count n);

}  // namespace pushcart
