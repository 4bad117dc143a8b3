#pragma once

#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::als {

/// The Gram matrix F'F of a distributed table, k x k in double, equal on all ranks and for any number of
/// ranks and threads: float products over granules of rows, rounded to a common grid, summed exactly (design,
/// section 4). Collective; not finite in: not finite out.
/// @param num_rows  of the whole table
std::vector<double> gram_matrix(const Communicator& comm, const FactorTable& table, Count num_rows);

}  // namespace pushcart::als
