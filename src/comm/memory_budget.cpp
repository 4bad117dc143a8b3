#include "pushcart/comm/memory_budget.hpp"

#include "pushcart/base/log.hpp"

namespace pushcart {

void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan, Count budget_bytes) {
  const Count worst = comm.allreduce(plan.total_bytes(), Reduce::max);
  std::string parts;
  for (const auto& part : plan.parts()) {
    const Count largest = comm.allreduce(part.num_bytes, Reduce::max);
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", part.what, bytes_text(static_cast<double>(largest)));
  }
  log_info("memory planned per rank for {}: {} ({})", step, bytes_text(static_cast<double>(worst)), parts);
  if (budget_bytes > 0 && worst > budget_bytes) {
    throw ConfigError(fmt::format("{} would need {} on the fullest of {} ranks, over --memory-per-rank {}; use more "
                                  "ranks or a larger budget",
                                  step, bytes_text(static_cast<double>(worst)), comm.size(),
                                  bytes_text(static_cast<double>(budget_bytes))));
  }
}

}  // namespace pushcart
