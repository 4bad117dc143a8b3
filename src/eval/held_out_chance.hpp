#pragma once

#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// The chance of the pairs of each item of this rank to be held out: in proportion to the item's users to a
/// power, so that a pair's is `share` on average, but at most 0.9, so that training sees something of every
/// item of some users (both as in Liang et al. 2016, "Causal inference for recommendation", whose power is
/// -1: the test part then has each item as often). The same bits on any number of ranks. Collective.
std::vector<double> held_out_chances(const Communicator& comm, const Dataset& dataset, double share,
                                     double power);

}  // namespace pushcart
