#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/families/family.hpp"
#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/eval/split.hpp"

namespace pushcart::app {

/// All that `train` can be told, beside the options of the families, which they keep themselves. Stays where it is:
/// options are bound to it.
struct TrainOptions {
  TrainOptions() = default;
  TrainOptions(const TrainOptions&) = delete;
  TrainOptions& operator=(const TrainOptions&) = delete;

  std::string family = "als";
  std::string dataset = "data.h5";
  std::string output = "model.h5";
  ModelFamilies families = make_model_families();
  std::map<std::string, double> event_weights;
  std::string hold_out = "none";  ///< none, or a name_of(SplitKind)
  SplitConfig split;
  double validation_share = 0.05;  ///< used with patience
  Count validation_n = 20;
  Count memory_per_rank = 0;  ///< bytes; 0 = no limit
  const Model* start = nullptr;  ///< to start from, in the numbering of the data set; nullptr = none
  std::optional<CheckpointOptions> checkpoints;  ///< nothing = the fit cannot be stopped and taken up
};

enum class TrainPaths : int { declared, decided_by_run };
void declare_train(OptionSet& options, TrainOptions& train, TrainPaths paths);

/// Fits the chosen family to the dataset, with whatever it holds out left out, and says in the model's
/// settings what that was. Collective.
Model fit(Session& session, const Dataset& dataset, const TrainOptions& options, const OptionSet& settings);

/// The checkpoints of a fit into this folder go at the end of the run, if its family has any. Collective.
void remove_training_checkpoints(Session& session, const TrainOptions& options, const std::string& folder);

}  // namespace pushcart::app
