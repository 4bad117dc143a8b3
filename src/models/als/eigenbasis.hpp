#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::als {

/// G = Q diag(eigenvalues) Q'. Equal bits on all ranks.
struct Eigenbasis {
  std::vector<double> eigenvalues;  ///< k, ascending, >= 0
  std::vector<float> vectors;       ///< k x k: eigenvector j is row j
};

/// Decomposed on rank 0 in double and broadcast. Collective; NumericError on all ranks if G is not finite or
/// LAPACK gives up.
Eigenbasis eigenbasis(const Communicator& comm, std::vector<double> gram, Count k);

/// F := F Q in place, each row by itself. Scores stay as they are if the
/// other side is expressed in the same basis. Local.
/// @param wanted  by local granule: others stay as they are; empty = all
void rotate(FactorTable& table, const Eigenbasis& basis, Count num_rows, std::span<const char> wanted = {});

}  // namespace pushcart::als
