#pragma once

#include <cstdint>
#include <vector>

#include "models/linear/normalized_matrix.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/base/string_table.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"

namespace pushcart::linear {

struct SubspaceSettings {
  Count k = 256;            ///< vectors wanted, <= min(users, items)
  double tolerance = 1e-3;  ///< |P v - lambda v| <= tolerance * lambda for each of the k
  int max_rounds = 30;
  std::uint64_t seed = 1;  ///< of the start block
};

/// The leading right singular vectors of R~: eigenvectors of P = R~'R~.
struct LeadingVectors {
  std::vector<double> eigenvalues;  ///< k, descending, >= 0; squared singular values
  FactorTable vectors;              ///< items x k, orthonormal; zero where R~ has a smaller rank
  std::vector<double> residuals;    ///< |P v - lambda v| / lambda
  double worst_residual = 0;
  int rounds = 0;
  int products = 0;          ///< with P
  Count received_bytes = 0;  ///< rows of tables, by this rank, where the matrix was made for this
};

/// Columns iterated on: k and some more, which make the k converge sooner.
Count block_width(Count k, Count num_users, Count num_items);

/// Subspace iteration from a random block, filtered by Chebyshev polynomials (Zhou, Saad, Tiago, Chelikowsky
/// 2006) whose degree keeps the block well conditioned in float, with Rayleigh-Ritz and a residual test a
/// round. All that is summed over ranks is summed exactly: the same bits for any number of ranks and threads.
/// The start block is a function of the seed and the items' ids. Collective.
/// @param checkpoints  a step is a round; nullptr = none
LeadingVectors leading_vectors(NormalizedMatrix& matrix, const StringTable& item_ids,
                               const SubspaceSettings& settings, PhaseLog& phases,
                               StepCheckpoints* checkpoints = nullptr);

}  // namespace pushcart::linear
