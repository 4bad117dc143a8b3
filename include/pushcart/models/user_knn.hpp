#pragma once

#include "pushcart/models/similarity.hpp"

namespace pushcart {

struct UserKnnConfig {
  SimilarityConfig similarity;  ///< of users; k neighbours each
  Count kept_items = 500;       ///< best items of each user that are kept, >= 1; all if there are fewer
};

/// Checkpoints of the two parts of the work: users like each user, then the best items of each user. nullptr =
/// none.
struct UserKnnCheckpoints {
  RowCheckpoints* users = nullptr;
  RowCheckpoints* items = nullptr;
};

/// What people like the user have: score(u, i) = sum over the k users v most like u of s_uv r_vi, r_vi = 1 or
/// the value (similarity.values), summed by ascending v and cut to the best items of each user, as user_items
/// of the model. Seen items are among them. The same bits for any number of ranks and threads. Collective;
/// errors as nearest_users.
Model train_user_knn(const Communicator& comm, const Dataset& dataset, const UserKnnConfig& config,
                     PhaseLog& phases, SimilarityReport* report = nullptr,
                     const UserKnnCheckpoints& checkpoints = {});

}  // namespace pushcart
