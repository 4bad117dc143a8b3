#include "pushcart/plan/allocation.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "pushcart/base/log.hpp"

namespace pushcart {

std::optional<std::string> excess(const JobPlan& plan, const PlannedNodes& nodes, const PlanLimits& limits) {
  const auto over = [](Count bytes, Count limit) { return limit > 0 && bytes > limit; };
  const auto text = [](Count bytes) { return bytes_text(static_cast<double>(bytes)); };
  const Count peak = plan.peak_bytes(), node = plan.node_bytes(nodes);
  if (over(peak, limits.rank_bytes)) {
    return fmt::format("the fullest rank needs {}, over --memory-per-rank {}", text(peak),
                       text(limits.rank_bytes));
  }
  if (over(node, limits.node_bytes)) {
    return fmt::format("the fullest node needs {}, over --memory-per-node {}", text(node),
                       text(limits.node_bytes));
  }
  if (limits.deadline_seconds > 0 && plan.seconds() > limits.deadline_seconds) {
    return fmt::format("it takes {:.0f} s, over --deadline {:.0f} s", plan.seconds(),
                       limits.deadline_seconds);
  }
  return std::nullopt;
}

Count fewest_nodes(Count most, const std::function<std::optional<std::string>(Count nodes)>& keeps) {
  Count too_few = 0, nodes = 1;
  for (auto why = keeps(nodes); why; why = keeps(nodes)) {
    if (nodes == most) {
      throw ConfigError(fmt::format("no allocation of up to --max-nodes {} will do: with {} {}", most,
                                    most == 1 ? "one" : fmt::format("{}", most), *why));
    }
    too_few = nodes;
    nodes = std::min(2 * nodes, most);
  }
  while (nodes - too_few > 1) {
    const Count middle = too_few + (nodes - too_few) / 2;
    (keeps(middle) ? too_few : nodes) = middle;
  }
  return nodes;
}

}  // namespace pushcart
