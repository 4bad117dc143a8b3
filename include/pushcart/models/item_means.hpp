#pragma once

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// What a rating is without knowing the user: mean + b_i with b_i = sum over the item's ratings of (r - mean) /
/// (count + 5), so that an item with few ratings stays near the mean. The baseline of rating errors; `dataset` holds
/// ratings. Collective; the same bits for any number of ranks.
Model train_item_means(const Communicator& comm, const Dataset& dataset);

}  // namespace pushcart
