#pragma once

#include <string>
#include <vector>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "app/work_checkpoints.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/rerank/train_reranker.hpp"

namespace pushcart::app {

/// `train rerank`: no family of models, since what it leaves orders the candidates of models.
inline constexpr const char* rerank_name = "rerank";

/// All that it can be told.
struct RerankTraining {
  std::vector<std::string> models;  ///< files, trained with one --hold-out
  std::string features;             ///< file; empty = none
  RerankConfig config;
};
void declare_rerank_training(OptionSet& options, RerankTraining& training);

/// The file is named at the end of the run, when the checkpoints go. Collective.
void train_rerank(Session& session, const std::string& dataset, const std::string& output,
                  const RerankTraining& training, const CheckpointOptions& checkpoints,
                  Count memory_per_rank);

}  // namespace pushcart::app
