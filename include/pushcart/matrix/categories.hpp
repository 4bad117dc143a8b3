#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// The categories of the items of a data set, numbered by number of items descending, then bytes.
struct Categories {
  Partition partition;
  StringTable names;           ///< of this rank's range
  std::vector<Count> of_item;  ///< by owned item; -1 = none
};

/// Whether the items have an attribute of this name. Local.
bool has_item_attribute(const Dataset& dataset, const std::string& attribute);

/// ConfigError, with the nearest name there is, if they do not. Local. @param option  that asks for it
void check_item_attribute(const Dataset& dataset, const std::string& attribute, std::string_view option);

/// An attribute's texts as categories; none if the data set has no such attribute. Collective.
Categories categories_of(const Communicator& comm, const Dataset& dataset, const std::string& attribute);

}  // namespace pushcart
