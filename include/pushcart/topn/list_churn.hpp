#pragma once

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// How far the lists of users who are in both sets of lists changed.
struct ListChurn {
  Count num_users = 0;  ///< who have a list in both
  double overlap = 1;   ///< mean over them of overlap(); 1 if there are none
  double churn() const { return 1 - overlap; }
};

/// Compares lists with earlier ones that were made from another dataset, by outside ids. Rows of -1 are left
/// out. The same bits for any number of ranks. Collective.
/// @param earlier_items  by owned item of `earlier_from`: its index in `dataset`, or -1
/// @param earlier_users  likewise
ListChurn list_churn(const Communicator& comm, const TopLists& lists, const Dataset& dataset,
                     const TopLists& earlier, const Dataset& earlier_from,
                     std::span<const Count> earlier_users, std::span<const Count> earlier_items);

}  // namespace pushcart
