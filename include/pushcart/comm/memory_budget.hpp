#pragma once

#include <string_view>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// The largest amount of each part over the ranks, in the order in which ranks name them. Ranks may have
/// parts of different names, as where each plans the fuller of two steps. Collective.
std::vector<MemoryPlan::Part> largest_parts(const Communicator& comm, const MemoryPlan& plan);

/// Prints the largest plan over the ranks, part by part, and refuses (ConfigError on all ranks, with the
/// figure) a plan over `budget_bytes` (0 = no budget given). Collective.
void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan,
                     Count budget_bytes);

}  // namespace pushcart
