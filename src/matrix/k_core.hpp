#pragma once

#include "matrix/pair_sums.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Pairs of each user and item once the core is found.
struct CoreCounts {
  std::vector<Count> of_user;  ///< by owned user slot
  std::vector<Count> of_item;  ///< by owned item slot
  Count users_dropped = 0;     ///< over all ranks
  Count items_dropped = 0;
  Count pairs_dropped = 0;
};

/// Drops pairs until every user left has at least `min_users` pairs and every item at least `min_items`: the
/// largest such set, whatever the order of dropping (Seidman 1983, on a bipartite graph). 0 and 1 drop
/// nothing. Collective.
CoreCounts keep_core(const Communicator& comm, PairTable& table, Count num_user_slots, Count num_item_slots,
                     Count min_users, Count min_items);

}  // namespace pushcart::detail
