#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "pushcart/ids/fetch_values.hpp"

namespace pushcart {

/// Some rows of a table that is spread over the ranks, from their owners.
class FetchedRows {
 public:
  /// In one exchange, each row once. Collective.
  /// @param owned  `width` numbers for each row of this rank's range of `partition`
  /// @param rows   global; in any order, with repeats
  FetchedRows(const Communicator& comm, const Partition& partition, std::span<const float> owned,
              std::size_t width, std::vector<Count> rows)
      : width_(width), rows_(std::move(rows)) {
    std::sort(rows_.begin(), rows_.end());
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
    values_ = fetch_rows<float>(comm, partition, owned, width, rows_);
  }

  /// Numbers of a row that was asked for.
  std::span<const float> row(Count row) const {
    const auto found = std::lower_bound(rows_.begin(), rows_.end(), row);
    return std::span(values_).subspan(static_cast<std::size_t>(found - rows_.begin()) * width_, width_);
  }

 private:
  std::size_t width_;
  std::vector<Count> rows_;  ///< ascending
  std::vector<float> values_;
};

}  // namespace pushcart
