#pragma once

#include <memory>
#include <span>
#include <vector>

#include "models/similarity/operands.hpp"
#include "pushcart/models/similarity_plan.hpp"

namespace pushcart::similarity {

/// What a rank has of a product whose ranks have shared its search out.
struct PreparedSearch {
  std::shared_ptr<const SparseRows> left, right;  ///< that it owns
  Range searched;                                 ///< left rows
  Count received_bytes = 0;                       ///< lent rows, and blocks of columns in one batch
};

/// All that best_of_product() does before it searches. Starts no requests: collective over thread ranks, too.
PreparedSearch prepare_search(const Communicator& comm, const Product& product,
                              const SimilarityConfig& config);

/// By rank, what the search of a product whose rows are its columns keeps, does and receives; without memory.
/// Lists are those of products whose sums are all above 0. Local. @param ranks  of all, in order
std::vector<SimilarityRankPlan> plan_search(std::span<const PreparedSearch> ranks, Count k);

/// Lists of candidates go to the items of histories, which is not known before there are any. Local.
/// @param shares  by rank: how much its items are taken to be in lists
void turn_lists_round(std::span<const Count> shares, std::vector<SimilarityRankPlan>& ranks);

}  // namespace pushcart::similarity
