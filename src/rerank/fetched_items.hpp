#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "pushcart/ids/fetch_values.hpp"

namespace pushcart::detail {

/// Rows of some items, from their owners.
class FetchedItems {
 public:
  /// In one exchange, each item once. Collective.
  /// @param owned  a row of `width` numbers for each item that this rank owns
  /// @param items  in any order, with repeats
  FetchedItems(const Communicator& comm, const Partition& partition, std::span<const float> owned,
               std::size_t width, std::vector<Count> items)
      : width_(width), items_(std::move(items)) {
    std::sort(items_.begin(), items_.end());
    items_.erase(std::unique(items_.begin(), items_.end()), items_.end());
    rows_ = fetch_rows<float>(comm, partition, owned, width, items_);
  }

  /// Of an item that was asked for.
  std::span<const float> row(Count item) const {
    const auto found = std::lower_bound(items_.begin(), items_.end(), item);
    return std::span(rows_).subspan(static_cast<std::size_t>(found - items_.begin()) * width_, width_);
  }

 private:
  std::size_t width_;
  std::vector<Count> items_;
  std::vector<float> rows_;
};

}  // namespace pushcart::detail
