#pragma once

#include <span>
#include <string_view>

#include "ids/numbered_subset.hpp"
#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Outside ids and names of some items, fetched from their owners.
class ItemLabels {
 public:
  /// Collective. `items`: global indices, any order, may repeat.
  ItemLabels(const Communicator& comm, const Dataset& dataset, std::span<const Count> items);

  std::string_view id(Count item) const { return ids_[items_.position(item)]; }
  std::string_view name(Count item) const {
    return names_.size() == 0 ? std::string_view() : names_[items_.position(item)];
  }

 private:
  NumberedSubset items_;
  StringTable ids_;
  StringTable names_;
};

/// The names of the owned items, one a row also where a dataset came without names. Local.
StringTable owned_item_names(const Communicator& comm, const Dataset& dataset);

}  // namespace pushcart
