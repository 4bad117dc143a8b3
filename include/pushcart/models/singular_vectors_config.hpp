#pragma once

#include <cstdint>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// How the leading singular vectors are found of a matrix that vectors of items are made from.
struct SingularVectorsConfig {
  double tolerance = 1e-3;  ///< residual as a share of the eigenvalue, as in SpectralConfig
  int max_rounds = 30;
  std::uint64_t seed = 1;              ///< of the start block
  Count batch_bytes = Count{1} << 28;  ///< rows of other ranks on a rank at once
  Count memory_budget_bytes = 0;       ///< a rank's budget; 0 = none
};

}  // namespace pushcart
