#pragma once

#include <vector>

#include "models/similarity/operands.hpp"

namespace pushcart::similarity {

/// What the search of each left row of this rank will cost, in visits of a sparse product: a guess that
/// decides who works, never what comes out. Collective.
/// @param k  best of each row that are kept
std::vector<Count> row_costs(const Communicator& comm, const Product& product, Count k);

/// What row_costs holds of so many left rows on this rank, beside the product. Local.
Count row_cost_bytes(const Product& product, Count num_rows);

}  // namespace pushcart::similarity
