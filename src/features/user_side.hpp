#pragma once

#include <vector>

#include "features/user_columns.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::detail {

/// What the events say of the owned users of the data set.
struct UserSide {
  std::vector<FeatureColumn> columns;
  SparseRows category_events;  ///< users x categories: events on items of the category
};

/// @param user_of_slot    index of each user of the log on this rank; -1 = not in the data set
/// @param owners          of users by index
/// Collective.
UserSide user_side(const Communicator& comm, const InteractionLog& log, const LogScope& scope,
                   const NamedItems& items, const ColumnSet<UserSummary>& columns,
                   const std::vector<Count>& user_of_slot, const Partition& owners, Count num_categories);

}  // namespace pushcart::detail
