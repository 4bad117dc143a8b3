#pragma once

#include <optional>

#include "models/linear/product_rows.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/models/linear_plan.hpp"
#include "pushcart/models/spectral.hpp"

namespace pushcart::linear {

/// The sizes on a rank that the memory of a spectral training depends on.
struct SpectralSizes {
  Count users = 0, items = 0;             ///< owned
  Count num_users = 0, num_items = 0;     ///< of all ranks
  Count all_entries = 0;                  ///< pairs learned from, of all ranks
  Count matrix_bytes = 0;                 ///< NormalizedMatrix::planned_bytes()
  std::optional<Count> num_weights = {};  ///< kept of the rank's item weights, if known; else all that may be
  int num_ranks = 1;
};
/// Without those of matrix, pairs and weights.
SpectralSizes spectral_sizes(const Dataset& part, int rank);

/// What the training holds beside the data set. Local.
MemoryPlan plan_memory(const SpectralSizes& sizes, const SpectralConfig& config,
                       const SpectralFilter& filter);

/// Low-rank terms of a filter, at most. Local.
Count num_low_rank_terms(const SpectralFilter& filter);

/// Of the item weights, on any number of ranks. Local.
ProductLimits weight_limits(const SpectralConfig& config, Count num_items);

/// Of Gram matrices, rotations and orthonormal columns in the steps of the iteration, of a rank's rows of the
/// side whose vectors are found and of the other. Local.
double iteration_operations(Count other_rows, Count rows, Count width, const SubspaceSteps& steps);

}  // namespace pushcart::linear
