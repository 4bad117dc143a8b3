#pragma once

#include <span>
#include <string>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// A few users' histories and lists with names, for people.
/// @param users  outside ids, equal on all ranks; empty = the users with the most, a middling number of and
/// the
///               fewest interactions
/// @param n      entries shown of each list; half as many, but at least 3, of each history
/// @return lines of text on rank 0, empty elsewhere. Collective.
std::string print_lists(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                        std::span<const std::string> users, Count n);

}  // namespace pushcart
