#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/eval/held_out.hpp"
#include "pushcart/topn/filters.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart::detail {

/// Users of this rank who have something held out.
std::vector<Count> tested_users(const HeldOut& held_out);

/// The best n candidates for each of the users, without those that the policy hides.
/// @param allowed  by owned item; empty = all
TopRequest request_for(const Dataset& train, std::span<const Count> users, Count n, const SeenPolicy& seen,
                       const std::vector<std::uint8_t>& allowed);

/// The items of a row of lists, best first.
std::span<const Count> list_of(const TopLists& lists, std::size_t row);

}  // namespace pushcart::detail
