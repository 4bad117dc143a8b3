#pragma once

#include <span>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/models/similarity.hpp"
#include "pushcart/models/user_knn.hpp"

namespace pushcart {

/// What nearest_items() or nearest_users() would take of one rank.
struct SimilarityRankPlan {
  MemoryPlan memory;         ///< beside the data set, in its fullest step
  Count num_neighbours = 0;  ///< of its rows, at most: a row has no more than what it has brings
  Count received_bytes = 0;  ///< blocks of columns, the rows being worked on in one batch: exactly.
                             ///< Rows that ranks lend each other come on top
  double multiply_adds = 0;  ///< as SimilarityReport counts them, of the rows that it searches
};

/// By rank. Threads are those of OpenMP here. Collective over a communicator of one rank; errors as
/// nearest_items, but for the memory budget, which refuses nothing.
/// @param whole  as one rank holds it  @param parts  the data set of each rank (cut_dataset)
std::vector<SimilarityRankPlan> plan_nearest_items(const Communicator& alone, const Dataset& whole,
                                                   std::span<const Dataset> parts,
                                                   const SimilarityConfig& config);

std::vector<SimilarityRankPlan> plan_nearest_users(const Communicator& alone, const Dataset& whole,
                                                   std::span<const Dataset> parts,
                                                   const SimilarityConfig& config);

/// How many users the plan of userknn finds items for, evenly drawn: about `of_all`, of each rank at least
/// `of_a_rank`; both at least 1.
struct AskedUsers {
  Count of_all = 20000, of_a_rank = 64;
};

/// The same of train_user_knn(), its model too: num_neighbours are entries of user_items, and
/// multiply_adds those of both products; who the neighbours are is not known, so that both are estimates.
std::vector<SimilarityRankPlan> plan_user_knn(const Communicator& alone, const Dataset& whole,
                                              std::span<const Dataset> parts, const UserKnnConfig& config,
                                              const AskedUsers& asked = {});

/// What a model of item weights holds while train_item_knn() makes it of so many neighbours. Local.
Count item_knn_bytes(Count num_items, Count num_neighbours);

}  // namespace pushcart
