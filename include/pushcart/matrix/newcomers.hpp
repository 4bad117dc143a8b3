#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// What became of the newcomers' pairs, over all ranks.
struct NewcomersReport {
  Count num_pairs = 0;          ///< kept
  Count num_unknown_pairs = 0;  ///< left out: of items that the other data set does not have
  Count num_empty_users = 0;    ///< users of whom nothing is left
};

/// The users and their pairs of `log`, with the items of `known`: its numbering, names and attributes, so
/// that what was learned of items there can serve these users. Items are matched by outside id. Collective.
/// @param users  external ids of more users, whom the log does not know, on any ranks, any number of times: those whom
///               `known` does not know either come behind the others, by (times given descending, id bytes ascending)
Dataset newcomers_among(const Communicator& comm, const Dataset& log, const Dataset& known,
                        NewcomersReport* report = nullptr, const StringTable& users = {});

}  // namespace pushcart
