#pragma once

#include <cstdint>
#include <span>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/eval/held_out.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// The held-out pairs of cold items; what pairs of others there are is added to `num_warm`, over all ranks.
/// Collective. @param is_cold  by owned item
HeldOut of_cold_items(const Communicator& comm, const Partition& items, std::span<const std::uint8_t> is_cold,
                      const HeldOut& held_out, Count& num_warm);

}  // namespace pushcart::detail
