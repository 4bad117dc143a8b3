#pragma once

#include <vector>

#include "features/item_columns.hpp"
#include "features/user_summary.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Features of the owned items, and what those of users need of them.
struct ItemSide {
  std::vector<FeatureColumn> columns;
  std::vector<ItemFacts> facts;      ///< by owned item
  std::vector<double> price_limits;  ///< highest price of each price band but the last
};

/// @param sums              by owned item
/// @param category_of_item  likewise; -1 = none
/// Collective.
ItemSide item_side(const Communicator& comm, const ItemSums& sums, const LogScope& scope,
                   const ColumnSet<ItemRow>& columns, const std::vector<Count>& category_of_item);

}  // namespace pushcart::detail
