#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// What puts a model's scores for a user on a common scale: 1 over the mean of the user's best `depth` scores
/// among items not seen (1 if that mean is not above 0), by owned user. Collective; the same bits for any
/// number of ranks.
std::vector<float> score_scales(const Communicator& comm, const Model& model, const Dataset& dataset,
                                Count depth, PhaseLog& phases);

struct BlendConfig {
  Count n = 20;            ///< learned for NDCG@n
  Count candidates = 200;  ///< items a model and user that the search looks at
  Count max_users =
      5000;  ///< tested users that the search looks at; chosen by their ids, all of them if there are fewer
  /// Users with fewer interactions than the first bound are a segment of their own (new), then those below
  /// the second (light) and so on; ascending, may be empty. Each segment has its own weights.
  std::vector<Count> segment_bounds;
};

/// Weights of the models by segment, the first model's first.
struct BlendWeights {
  std::vector<std::vector<double>> by_segment;
  std::vector<double> metric;        ///< NDCG@n on the validation users of each segment
  std::vector<double> equal_metric;  ///< the same with equal weights
  std::vector<Count> num_users;      ///< validation users of each segment
};

/// The segment of a user with so many interactions.
std::size_t segment_of(Count num_interactions, std::span<const Count> bounds);

/// Finds weights by coordinate search for NDCG@n on held-out pairs, from equal weights: each weight in turn
/// is multiplied by fixed steps or set to 0 while that helps. The models must have been trained without the
/// held-out pairs. A segment without validation users gets equal weights. Collective; deterministic, the same
/// for any number of ranks.
BlendWeights learn_blend(const Communicator& comm, std::span<const Model* const> models,
                         const Split& validation, const BlendConfig& config, PhaseLog& phases);

}  // namespace pushcart
