#pragma once

#include <string>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// A digest of all that models learn from: ids, pairs and their columns, and what items are. For a data set that has no file and
/// so no content digest. The same for any number of ranks. Collective.
std::string training_digest(const Communicator& comm, const Dataset& dataset);

}  // namespace pushcart
