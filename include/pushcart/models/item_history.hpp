#pragma once

#include <optional>
#include <span>

#include "pushcart/models/model.hpp"

namespace pushcart {

/// r_uj of a model's sum of item weights: the data set's values, or what the model's session profile says.
class ItemHistory {
 public:
  /// Local. The data set must outlive this.
  /// @param users  whose rows are wanted: owned, by global index, ascending; others' may be empty
  ItemHistory(const Model& model, const Dataset& dataset, std::span<const Count> users) : dataset_(dataset) {
    if (model.session_profile) profile_ = profile_rows(dataset, *model.session_profile, users);
  }
  /// Owned users x items.
  const SparseRows& rows() const { return profile_ ? *profile_ : dataset_.by_user; }

 private:
  const Dataset& dataset_;
  std::optional<SparseRows> profile_;
};

}  // namespace pushcart
