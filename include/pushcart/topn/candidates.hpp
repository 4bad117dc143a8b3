#pragma once

#include <span>
#include <vector>

#include "pushcart/topn/top_items.hpp"

namespace pushcart {

/// What puts a model's scores for a user on a common scale: 1 over the mean of the user's best scores, or 1
/// if that mean is not above 0. Local.
float score_scale(std::span<const float> best);

/// The best items of some users by several models, put together.
struct CandidateSet {
  std::vector<Count> users;  ///< owned, ascending
  /// Owned users x items, whose values say nothing; users who were not asked for have none.
  SparseRows pairs;
  std::vector<std::vector<float>> scores;  ///< by model, by pair, on a common scale (score_scale)
  std::vector<std::vector<float>>
      places;  ///< by model, by pair: in the model's list, from 1; NaN = not there
  ScoringReport scoring;

  /// Pairs of users[u], as positions.
  Range pairs_of(std::size_t u) const {
    const auto row = static_cast<std::size_t>(users[u] - pairs.rows.begin);
    return {pairs.offsets[row], pairs.offsets[row + 1]};
  }
};

/// What find_candidates() holds of a user at most, lists of the models with it. Local.
/// @param places  of each model's list
Count candidate_bytes_of_a_user(Count num_models, Count places);

/// The candidates of `users`, positions in the set's list. Local.
CandidateSet part_of(const CandidateSet& set, Range users);

/// The union of the models' lists (top_items, request.n places each). The same bits for any number of ranks
/// and whoever else is asked for. Collective.
CandidateSet find_candidates(const Communicator& comm, std::span<const Model* const> models,
                             const Dataset& dataset, const TopRequest& request, PhaseLog& phases);

}  // namespace pushcart
