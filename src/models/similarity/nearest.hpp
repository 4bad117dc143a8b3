#pragma once

#include "models/similarity/operands.hpp"
#include "pushcart/base/phases.hpp"

namespace pushcart::similarity {

/// The engine: the config.k best columns of every left row. Left rows, too, are numbered through all ranks.
/// @param columns  who owns which right rows.
/// @param checkpoints  as for nearest_items. Collective.
Neighbours best_of_product(const Communicator& comm, const Product& product, const Partition& columns,
                           const SimilarityConfig& config, PhaseLog& phases, SimilarityReport* report,
                           RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart::similarity
