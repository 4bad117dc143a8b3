#include <algorithm>

#include "pushcart/plan/job_plan.hpp"

namespace pushcart {

Count PhasePlan::peak_bytes() const {
  Count peak = 0;
  for (const RankPhase& rank : ranks) peak = std::max(peak, rank.resident_bytes);
  return peak;
}

Count PhasePlan::received_bytes() const {
  Count sum = 0;
  for (const RankPhase& rank : ranks) sum += rank.received_bytes;
  return sum;
}

double JobPlan::seconds() const {
  double sum = 0;
  for (const PhasePlan& phase : phases) sum += phase.seconds();
  return sum;
}

Count JobPlan::peak_bytes() const {
  Count peak = 0;
  for (const PhasePlan& phase : phases) peak = std::max(peak, phase.peak_bytes());
  return peak;
}

Count JobPlan::node_bytes(const PlannedNodes& nodes) const {
  const auto per_node = static_cast<std::size_t>(nodes.ranks_per_node);
  Count fullest = 0;
  for (const PhasePlan& phase : phases) {
    std::vector<Count> by_node((phase.ranks.size() + per_node - 1) / per_node);
    for (std::size_t rank = 0; rank < phase.ranks.size(); ++rank) {
      by_node[rank / per_node] += phase.ranks[rank].memory.total_bytes();
    }
    for (const Count bytes : by_node) fullest = std::max(fullest, bytes);
  }
  return fullest;
}

}  // namespace pushcart
