#pragma once

#include "pushcart/eval/held_out.hpp"

namespace pushcart::detail {

/// The held-out pairs of cold items; what pairs of others there are is added to `num_warm`, over all ranks.
/// Collective.
HeldOut of_cold_items(const Communicator& comm, const Dataset& train, const HeldOut& held_out,
                      Count& num_warm);

}  // namespace pushcart::detail
