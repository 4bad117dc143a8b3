#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart {

/// What becomes of an interaction's value before the objective sees it.
enum class ValueTransform : int { identity, log1p };

/// What x_u . y_i is fitted to.
enum class AlsTarget : int {
  ones,        ///< w = 1, t = 1
  confidence,  ///< w = alpha r, t = (1 + alpha r)/(alpha r)
  ratings      ///< w = 1, t = r - mean - user bias - item bias
};

/// The settings of the objective of design section 3b once preset and dataset are known.
struct AlsObjective {
  AlsTarget target = AlsTarget::ones;
  double alpha0 = 0, lambda = 0, nu = 0, alpha = 1;
  friend bool operator==(const AlsObjective&, const AlsObjective&) = default;
};

/// lambda (|S| + alpha0 N)^nu: what a row with |S| observed entries is regularized with, N the rows of the
/// other side. Local.
double row_regularization(const AlsObjective& objective, Count row_length, Count num_others);

}  // namespace pushcart
