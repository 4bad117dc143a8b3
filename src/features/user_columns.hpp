#pragma once

#include "features/column_set.hpp"
#include "features/user_summary.hpp"

namespace pushcart::detail {

/// All features of users that the events give; searches come from the data set (search_columns.hpp).
ColumnSet<UserSummary> user_columns(const LogScope& scope);

}  // namespace pushcart::detail
