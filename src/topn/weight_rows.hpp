#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::detail {

/// The rows of the item weights W that some users' histories touch, fetched from their owners.
class WeightRows {
 public:
  WeightRows() = default;
  /// Collective. @param history  items j of the users at hand, any order, may repeat
  WeightRows(const Communicator& comm, const Partition& items, const SparseRows& weights,
             std::span<const Count> history);

  /// Row of W for item j, which must be in the history.
  struct Row {
    std::span<const Count> columns;
    std::span<const float> values;
  };
  Row row(Count item) const;

 private:
  std::vector<Count> items_;  ///< ascending, distinct
  std::vector<Count> offsets_{0};
  std::vector<Count> columns_;
  std::vector<float> values_;
};

/// Cuts local rows [0, num_rows) into batches whose histories touch at most about `max_entries` entries of W
/// each (at least one row a batch); every rank gets the same number of batches, some perhaps empty.
/// Collective.
/// @param lengths      history length of each row
/// @return             first row of each batch, and the end
std::vector<Count> weight_batches(const Communicator& comm, const SparseRows& weights,
                                  std::span<const Count> lengths, Count max_entries);

}  // namespace pushcart::detail
