#pragma once

#include "features/column_set.hpp"
#include "features/item_sums.hpp"

namespace pushcart::detail {

/// Of one item of the data set: what is summed, and what was found out from all items together.
struct ItemRow {
  ItemSummary sums;
  int price_band = -1;  ///< -1 = none
  Count category = -1;  ///< -1 = none
};

/// Mean price of the item's events; NaN without any.
double mean_price(const ItemSummary& item);

ColumnSet<ItemRow> item_columns(const LogScope& scope);

}  // namespace pushcart::detail
