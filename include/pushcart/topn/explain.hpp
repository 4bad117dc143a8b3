#pragma once

#include <array>

#include "pushcart/base/memory.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// Reasons of a score must sum to it but for this share of their magnitudes' sum (or of the score, if
/// larger).
inline constexpr double largest_reason_gap = 1e-4;

struct ExplainConfig {
  Count num_reasons = 3;  ///< kept of each entry, >= 1
  /// Other ranks' rows of items that a rank holds at a time; more if one list needs more. Never changes bits.
  Count batch_bytes = Count{1} << 26;
};

/// What explaining found; equal on all ranks but for the seconds.
struct ExplainReport {
  Count num_entries = 0;
  Count num_reasons = 0;   ///< kept
  double largest_gap = 0;  ///< |sum of all reasons - score| of an entry over the sum of their magnitudes
  /// What each kind has of the magnitudes of all reasons, by ReasonKind; they sum to 1 (0 if there are none).
  std::array<double, num_reason_kinds> kind_shares{};
  double seconds = 0;  ///< on this rank
};

/// Gives every entry of the lists its reasons: what each of the user's own items, the item's bias, the user's
/// neighbours and the rest of the factors add to its score, of which the first are kept. All of
/// them sum to the score; this is checked for every entry. Entries that the popular list filled (their source
/// is not the model's family) have their score as bias. The same bits for any number of ranks and threads.
/// Collective. ConfigError: no reasons wanted, a model that does not say where its factors come from;
/// NumericError: reasons that do not sum to the score.
/// @param trained_on  what the model learned from, the dataset itself or that without what was held out
/// @param lists       of `model`, rows of owned users, then rows of -1
ExplainReport explain(const Communicator& comm, const Model& model, const Dataset& dataset,
                      const Dataset& trained_on, TopLists& lists, const ExplainConfig& config,
                      PhaseLog& phases);

/// What explain() holds on this rank beside model, datasets and lists.
/// @param n  entries a list at most
void plan_explain(MemoryPlan& plan, const Model& model, const Dataset& dataset, Count num_rows, Count n,
                  const ExplainConfig& config);

}  // namespace pushcart
