#include "pushcart/eval/ranking_metrics.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

double discount(Count place) {
  return 1.0 / std::log2(static_cast<double>(place) + 1.0);
}

}  // namespace

std::array<double, 6> as_array(const RankingMetrics& m) {
  return {m.recall, m.precision, m.ndcg, m.map, m.mrr, m.hit_rate};
}

RankingMetrics ranking_metrics(std::span<const Count> list, std::span<const Count> relevant, Count n) {
  PUSHCART_CHECK(!relevant.empty() && n >= 1);
  const auto num_relevant = static_cast<Count>(relevant.size());
  const Count reachable = std::min(n, num_relevant);
  Count hits = 0;
  double gain = 0, precisions = 0, first_hit = 0;
  for (Count place = 1; place <= std::min(n, static_cast<Count>(list.size())); ++place) {
    if (!std::binary_search(relevant.begin(), relevant.end(), list[static_cast<std::size_t>(place) - 1]))
      continue;
    ++hits;
    gain += discount(place);
    precisions += static_cast<double>(hits) / static_cast<double>(place);
    if (hits == 1) first_hit = 1.0 / static_cast<double>(place);
  }
  double ideal = 0;
  for (Count place = 1; place <= reachable; ++place) ideal += discount(place);
  return {static_cast<double>(hits) / static_cast<double>(num_relevant),
          static_cast<double>(hits) / static_cast<double>(n),
          gain / ideal,
          precisions / static_cast<double>(reachable),
          first_hit,
          hits > 0 ? 1.0 : 0.0};
}

}  // namespace pushcart
