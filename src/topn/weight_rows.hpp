#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::detail {

/// The rows of the item weights W that some users' histories touch: this rank's own, and the others fetched
/// from their owners.
class WeightRows {
 public:
  WeightRows() = default;
  /// Collective.
  /// @param weights  this rank's rows; must outlive the object
  /// @param history  items j of the users at hand, any order, may repeat
  WeightRows(const Communicator& comm, const Partition& items, const SparseRows& weights,
             std::span<const Count> history);

  /// Row of W for item j, which must be in the history.
  struct Row {
    std::span<const Count> columns;
    std::span<const float> values;
  };
  Row row(Count item) const;

 private:
  const SparseRows* own_ = nullptr;
  std::vector<Count> items_;  ///< fetched: ascending, distinct
  std::vector<Count> offsets_{0};
  std::vector<Count> columns_;
  std::vector<float> values_;
};

/// 0 if the row has no such column.
double value_at(const WeightRows::Row& row, Count column);

/// Entries of the longest row of W, at least 1. Collective.
Count longest_row(const Communicator& comm, const SparseRows& weights);

/// Cuts local rows [0, num_rows) into batches for which about max_fetched_entries entries of W at most are
/// fetched from other ranks (at least one row a batch); every rank gets the same number of batches, some
/// perhaps empty. Collective.
/// @param history  the history of a row
/// @return         first row of each batch, and the end
std::vector<Count> weight_batches(const Communicator& comm, const SparseRows& weights, std::size_t num_rows,
                                  const std::function<std::span<const Count>(std::size_t row)>& history);

inline constexpr Count max_fetched_entries = Count{1} << 22;

}  // namespace pushcart::detail
