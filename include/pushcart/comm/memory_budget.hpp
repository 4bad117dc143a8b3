#pragma once

#include <string_view>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Prints the largest plan over the ranks, part by part, and refuses (ConfigError on all ranks, with the
/// figure) a plan over `budget_bytes` (0 = no budget given). Collective.
void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan, Count budget_bytes);

}  // namespace pushcart
