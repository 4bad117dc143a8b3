#pragma once

#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// Scores of given pairs: the same bits as in lists of top_items. `pairs` are this rank's users x items; item
/// blocks come round by broadcast. Collective. @return a score per entry of `pairs`, in its order
std::vector<float> pair_scores(const Communicator& comm, const Model& model, const Dataset& dataset,
                               const SparseRows& pairs);

}  // namespace pushcart
