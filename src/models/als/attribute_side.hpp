#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/als/half_sweep.hpp"
#include "models/attributes/regression.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// Refuses settings of a map without attributes to map.
void check_attributes(const AttributeConfig& config);

/// One side's map from attributes to factors in a training. Fitted after it, to the rows that have entries,
/// each counted once; or jointly: before each half sweep of that side, whose rows are then pulled to it (see
/// PriorMeans), each counted by its rho over the mean of them, so that rows and map share one objective:
///
///     sum over rows of rho |x - m(a)|^2  +  ridge * mean rho * sum over values v of |F_v|^2
class AttributeSide {
 public:
  /// Knows the values and what is wrong with the settings, fits nothing. Collective. ConfigError on all
  /// ranks. All that is given must outlive this.
  /// @param option  that named the columns  @param rows  this rank's part of `num_rows`
  AttributeSide(const Communicator& comm, const std::vector<TextColumn>& attributes,
                const std::vector<std::string>& columns, const AttributeConfig& config,
                std::string_view option, const SparseRows& rows, Count num_rows);
  AttributeSide(const AttributeSide&) = delete;
  AttributeSide& operator=(const AttributeSide&) = delete;

  Count num_values() const { return map_.num_values(); }

  /// What is held on a rank that owns so many rows, for factors of k columns. Local.
  static Count memory_bytes(Count num_values, Count rows, Count k, AttributeFit fit);

  /// Fits the map to the factors. Collective. @return m of each owned row, in the basis of the factors
  FactorTable means(const FactorTable& factors, const HalfSweep& sweep);
  /// The objective's terms above, for the map as fitted last, in any basis that both tables have. Collective.
  double penalty(const FactorTable& factors, const FactorTable& means, const HalfSweep& sweep) const;

  /// The map fitted to what was trained, as it was in the training; rows without entries get what it says.
  /// Collective.
  AttributeMap finish(FactorTable& factors);

 private:
  std::vector<char> rows_with_entries() const;
  /// rho of the rows that have entries, over their mean, which is kept; 0 of the others.
  std::vector<double> relative_weights(const HalfSweep& sweep);

  const Communicator& comm_;
  const std::vector<TextColumn>& attributes_;
  const std::vector<std::string>& columns_;
  const AttributeConfig& config_;
  const std::string option_;
  const SparseRows& rows_;
  const Count num_rows_;
  AttributeMap map_;
  std::unique_ptr<attributes::Regression> joint_;  // from the first half sweep, if there is one
  double mean_weight_ = 0;
};

}  // namespace pushcart::als
