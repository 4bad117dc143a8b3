#pragma once

#include "models/similarity/side_rows.hpp"

namespace pushcart::similarity {

/// Pairs of a query and a user who searched it, with the user's latest such search as its time. Collective;
/// ConfigError on all ranks: no searches in the dataset, times asked for and none there.
SideRows query_rows(const Communicator& comm, const Dataset& dataset, bool with_times);

}  // namespace pushcart::similarity
