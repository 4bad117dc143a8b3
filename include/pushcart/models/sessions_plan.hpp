#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/models/sessions.hpp"
#include "pushcart/models/similarity_plan.hpp"

namespace pushcart {

/// What train_sessions() would take.
struct SessionsPlan {
  std::vector<SimilarityRankPlan> ranks;  ///< all that is received: exactly, in one batch, but for kept
                                          ///< candidates, which come to their items as if evenly spread
  std::vector<AnnouncedMemory> steps;     ///< as the training says them; `here` is rank 0's
};

/// Does what the training does until it searches, on ranks that are threads, and counts how long its lists
/// will be. Threads of a rank are those of OpenMP here. Local; errors as train_sessions, but for the memory
/// budget, which refuses nothing. @param parts  the data set of each rank (cut_dataset)
SessionsPlan plan_sessions(std::span<const Dataset> parts, const SessionsConfig& config);

}  // namespace pushcart
