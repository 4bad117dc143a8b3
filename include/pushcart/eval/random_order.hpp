#pragma once

#include <cstdint>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// All items in one order that knows nothing of them, the same for everyone: item_bias, in (0, 1), by the
/// seed and the items' external ids. What is left to a ranking of items that nobody had. Local.
Model random_order(const Communicator& comm, const Dataset& dataset, std::uint64_t seed);

}  // namespace pushcart
