#pragma once

#include <span>

#include "pushcart/base/memory.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/features/feature_table.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/rerank/reranker.hpp"

namespace pushcart {

struct RerankConfig {
  Count n = 20;             ///< validated by NDCG@n
  Count candidates = 100;   ///< places of each model's list, at least n
  Count max_users = 20000;  ///< tested users learned from and validated on, about; fewer if memory says so
  Count memory_bytes = Count{1} << 30;  ///< of the training on rank 0, at most about
  double validation_share = 0.2;        ///< of these users, in (0, 1): where to end
  BoosterConfig trees;
};

/// Settings that make no sense are ConfigError naming the option. Local.
void check_config(const RerankConfig& config);

/// What training found; the same on all ranks.
struct RerankReport {
  Count num_users = 0;       ///< sampled
  Count num_training = 0;    ///< of these with a held-out item among their candidates, to learn from
  Count num_validation = 0;  ///< sampled users validated on
  Count num_rows = 0;        ///< candidates learned from
  double found = 0;          ///< share of the sampled users' held-out items that are among their candidates
  double ndcg = 0;           ///< NDCG@n over the validation users
  std::vector<double> member_ndcg;  ///< of each model's own order of its list, over the same users
};

/// Users whose candidates are learned from, for a budget of memory on rank 0. Local.
Count most_users(const RerankConfig& config, std::size_t num_models, Count num_columns);

/// Of what train_reranker would learn from.
struct RerankSampleSizes {
  Count users = 0, pairs = 0;  ///< sampled of this rank, and what these have in training
  Count all_users = 0;         ///< sampled of all ranks
  Count places = 0;            ///< of each model's list, as many as there are items at most
  Count columns = 0;           ///< told of a candidate
  Count item_bytes = 0;        ///< of what is told of items: of those owned, those fetched and those served
};

/// Collective; parameters as of train_reranker.
RerankSampleSizes sample_sizes(const Communicator& comm, std::span<const Model* const> models,
                               const Split& validation, const Features* features, const RerankConfig& config);

/// What train_reranker holds on this rank beside its parameters and the search by each model. Local.
void plan_reranker_training(MemoryPlan& plan, const Communicator& comm, const RerankSampleSizes& sizes,
                            Count num_models);

/// Learns to order the candidates of the models, which must not have seen the held-out pairs: what was held
/// out goes before what was not. Rows of sampled users come to rank 0 in the order of their users, and are
/// trained on there. The same bits for any number of ranks and threads. Collective.
/// @param features     of the training part alone; nullptr = none
/// @param checkpoints  keep what is learned from, the one step before the trees; nullptr = nothing is kept
/// @return             all but dataset_digest, features_digest and config. Errors: InputError if too few
/// users
///                     can be learned from, and those of StepCheckpoints
Reranker train_reranker(const Communicator& comm, std::span<const Model* const> models,
                        const Split& validation, const Features* features, const RerankConfig& config,
                        RerankReport& report, PhaseLog& phases, StepCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
