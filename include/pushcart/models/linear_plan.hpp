#pragma once

#include <span>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/ease.hpp"
#include "pushcart/models/spectral.hpp"

namespace pushcart {

/// What train_ease() or train_spectral() would take of one rank.
struct LinearRankPlan {
  MemoryPlan memory;         ///< beside the data set, as the training announces it
  Count num_weights = 0;     ///< entries of its rows of item weights, at most
  Count received_bytes = 0;  ///< exactly what will be counted; sums over all ranks are no part of it
  double multiply_adds = 0;  ///< of sparse products for item weights or the Gram matrix
  double operations = 0;     ///< of dense products
  Count gathered_bytes = 0;  ///< rows of tables that sparse products read
};

/// By rank. Threads are those of OpenMP here; event weights, a memory budget and the tail are not looked at:
/// all items are fitted unless head_items says how many. Collective over a communicator of one rank;
/// ConfigError as train_ease.
/// @param whole  as one rank holds it  @param parts  the data set of each rank (cut_dataset)
std::vector<LinearRankPlan> plan_ease(const Communicator& alone, const Dataset& whole,
                                      std::span<const Dataset> parts, const EaseConfig& config);

/// How often the subspace iteration multiplies; no plan knows it before.
struct SubspaceSteps {
  Count rounds = 0, products = 0;  ///< as SpectralReport has them
};

/// The same of train_spectral() in so many steps.
std::vector<LinearRankPlan> plan_spectral(const Communicator& alone, const Dataset& whole,
                                          std::span<const Dataset> parts, const SpectralConfig& config,
                                          const SubspaceSteps& steps);

/// Columns of the factors that train_spectral() leaves. Local; ConfigError as resolve_filter.
Count spectral_columns(const SpectralConfig& config, Count num_users, Count num_items);

}  // namespace pushcart
