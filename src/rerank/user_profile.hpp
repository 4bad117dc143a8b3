#pragma once

#include <span>
#include <vector>

#include "pushcart/ids/fetched_rows.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::detail {

/// Where a vector lies in the row of an item; its first number is NaN where it is missing.
struct VectorPlace {
  std::size_t first = 0, width = 0;
  std::span<const float> of(std::span<const float> row) const { return row.subspan(first, width); }
};

/// What a user's items are like: the sum of their vectors, each of length 1 and halved with every
/// `half_life_days` between the user's last event on the item and the data set's cut-off (not without times).
/// In the order of the data set's row, so the same on any rank. Local.
class UserProfile {
 public:
  static constexpr double half_life_days = 90;

  /// @param row    of the user among those that this rank owns
  /// @param items  with all that the user has
  UserProfile(const Dataset& dataset, Count row, const FetchedRows& items, VectorPlace place);

  /// The cosine between the sum and an item's vector, in [-1, 1]; NaN if either has no direction.
  float similarity(std::span<const float> item_row) const;

 private:
  VectorPlace place_;
  std::vector<double> sum_;
};

}  // namespace pushcart::detail
