#pragma once

#include <span>
#include <vector>

#include "models/attributes/value_rows.hpp"

namespace pushcart::attributes {

/// Ridge regression of rows on the values of their attributes: F that minimizes
///
///     sum over rows of w_r |m(a_r) - x_r|^2  +  ridge * sum over the values v of |F_v|^2
///
/// Its matrix, which depends on weights and attributes alone, is summed and factored once, for any number of
/// tables x. Sums are exact, on a common grid, and solved on rank 0: the same bits for any number of ranks.
class Regression {
 public:
  /// Collective. NumericError on all ranks if the matrix cannot be factored.
  /// @param map         its columns, values and ridge; must outlive this, as `attributes` must
  /// @param attributes  of the owned rows
  /// @param weights     by owned row, finite, >= 0; 0 = the row does not count
  Regression(const Communicator& comm, const AttributeMap& map, const std::vector<TextColumn>& attributes,
             std::vector<double> weights);

  /// F, 1 + values x k; all zero if no row counts. Collective. NumericError on all ranks if it is not finite.
  /// @param factors  x, owned rows x k
  FactorTable fit(const FactorTable& factors) const;

 private:
  const Communicator& comm_;
  const ValueRows value_rows_;
  const std::vector<double> weights_;
  const Count size_;  // 1 + values
  Count num_counted_ = 0;
  std::vector<double> factor_;  // on rank 0
};

}  // namespace pushcart::attributes
