#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::linear {

/// InputError on all ranks, naming the user, if a value is not finite. Collective.
void check_finite(const Communicator& comm, const Dataset& dataset, const SparseRows& by_user,
                  const char* family);

}  // namespace pushcart::linear
