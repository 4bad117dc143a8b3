#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pushcart/plan/job_plan.hpp"

namespace pushcart {

/// What a plan must keep to; 0 = no limit.
struct PlanLimits {
  double deadline_seconds = 0;
  Count rank_bytes = 0;  ///< peak memory of a rank
  Count node_bytes = 0;  ///< memory of a node
};

/// Why a plan does not keep to the limits; nothing if it does. Local.
std::optional<std::string> excess(const JobPlan& plan, const PlannedNodes& nodes, const PlanLimits& limits);

/// The fewest nodes whose plan keeps to the limits, supposing that of more nodes none keeps to them less:
/// doubled until they do, then halved between. ConfigError if `most` do not, saying why not. Local.
/// @param keeps  tells why a plan of so many nodes does not keep to the limits
Count fewest_nodes(Count most, const std::function<std::optional<std::string>(Count nodes)>& keeps);

}  // namespace pushcart
