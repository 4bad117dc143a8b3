#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/models/content.hpp"
#include "pushcart/models/linear_plan.hpp"

namespace pushcart {

/// What train_content() would take.
struct ContentPlan {
  std::vector<LinearRankPlan> ranks;  ///< all that is counted: exactly, in one batch, if the steps are right
                                      ///< and no candidates' lists go to the items of histories, whose
                                      ///< weights then are taken to be evenly spread over items
  std::vector<AnnouncedMemory> steps;  ///< as the training says them; `here` is rank 0's
  Count num_columns = 0;               ///< of its factors
  Count num_singular_vectors = 0;      ///< 0 = no iteration
};

/// Cuts the texts and shares the search out as the training does, on ranks that are threads, and counts how
/// long its lists will be. Threads of a rank are those of OpenMP here. Event weights and half-life are not
/// looked at. Local; errors as train_content, but for the memory budget, which refuses nothing.
/// @param parts  the data set of each rank (cut_dataset)
ContentPlan plan_content(std::span<const Dataset> parts, const ContentConfig& config,
                         const SubspaceSteps& steps);

}  // namespace pushcart
