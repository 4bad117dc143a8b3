#pragma once

#include <vector>

#include "pushcart/eval/held_out.hpp"

namespace pushcart::detail {

/// Per owned item: 1 = nobody has it in the training data. Local.
std::vector<std::uint8_t> cold_items(const Dataset& train);

/// The held-out pairs of cold items; what pairs of others there are is added to `num_warm`, over all ranks.
/// Collective.
HeldOut of_cold_items(const Communicator& comm, const Dataset& train, const HeldOut& held_out,
                      Count& num_warm);

}  // namespace pushcart::detail
