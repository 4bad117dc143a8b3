#pragma once

#include <functional>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// The distinct items outside `own`, ascending. Local.
std::vector<Count> items_of_others(std::span<const Count> items, Range own);

/// How many of ascending items each rank owns. Local.
std::vector<Count> counts_by_owner(const Partition& partition, std::span<const Count> ascending);

/// Cuts local rows [0, num_rows) into batches that touch about `most_items` distinct items of other ranks at
/// most (at least one row a batch); every rank gets the same number of batches, some perhaps empty.
/// Collective.
/// @param own      items of this rank
/// @param touched  the items that a row touches
/// @return         first row of each batch, and the end
std::vector<Count> cut_by_items_of_others(
    const Communicator& comm, Range own, Count most_items, std::size_t num_rows,
    const std::function<std::span<const Count>(std::size_t row)>& touched);

}  // namespace pushcart::detail
