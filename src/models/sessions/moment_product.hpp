#pragma once

#include <algorithm>

#include "models/sessions/settings.hpp"
#include "models/similarity/operands.hpp"

namespace pushcart::sessions {

/// The product that the weights are the best of: what was visited at the moments of sessions, and what is
/// near it. Its rows are the items whose lists are kept. Says what memory the tables take, and counts what is
/// in them for the report. Collective; ConfigError: no two items in any session, over the budget.
similarity::Product moment_product(const Communicator& comm, const Dataset& dataset,
                                   const SessionsConfig& config, const Weighting& weighting,
                                   SessionsReport& report);

/// Of the search for the best.
inline SimilarityConfig search_config(const SessionsConfig& config, Count num_items) {
  SimilarityConfig best;
  best.k = std::min(config.neighbours, num_items);
  best.block_columns = config.block_columns;
  best.memory_budget_bytes = config.memory_budget_bytes;
  return best;
}

}  // namespace pushcart::sessions
