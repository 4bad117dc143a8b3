#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// Marks with 1, at their owners, the items among `indices`; -1 is nobody. Collective.
/// @param marks  by owned item
void mark_items(const Communicator& comm, const Partition& items, std::span<const Count> indices,
                std::vector<std::uint8_t>& marks);

}  // namespace pushcart::detail
