#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::detail {

/// Gives items that nobody had a place behind all others, by (times given descending, id bytes ascending):
/// the same for any number of ranks. The cuts of the items over the ranks change, and with them all that lies
/// with the items. Collective.
/// @param ids  external ids that the data set does not know, on any ranks, any number of times
/// @return how many items came
Count add_items(const Communicator& comm, Dataset& dataset, const StringTable& ids);

}  // namespace pushcart::detail
