#pragma once

#include <cstdint>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// What a model is tested on: owned users x items (values: strength or rating), in the numbering of the
/// dataset that the model was trained on.
struct HeldOut {
  SparseRows by_user;
  // Pairs that cannot be ranked at all, counted over all ranks and left out of every denominator:
  Count num_pairs = 0;          ///< pairs given
  Count num_unknown_users = 0;  ///< pairs whose user is not in the training data
  Count num_unknown_items = 0;  ///< pairs whose item is not in the training data (and whose user is)
  Count num_seen = 0;           ///< pairs that are in the training data too
  Count num_repeated = 0;       ///< pairs given more than once, each time after the first
};

}  // namespace pushcart
