#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::detail {

/// Rows of a table of items: this rank's own, where they lie, and those of others fetched from their owners.
class TableRows {
 public:
  /// Collective.
  /// @param table  this rank's rows; must outlive the object
  /// @param items  that will be asked for, any order, may repeat
  TableRows(const Communicator& comm, const Partition& partition, const FactorTable& table,
            std::span<const Count> items);

  /// Nothing to be read from if the table has no columns.
  const float* row(Count item) const;

 private:
  const FactorTable& table_;
  std::vector<Count> items_;  ///< fetched: ascending, distinct
  std::vector<float> values_;
};

}  // namespace pushcart::detail
