#pragma once

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/popular.hpp"

namespace pushcart::app {

/// All that `train` can be told.
struct TrainOptions {
  std::string family = "als";
  std::string dataset = "data.h5";
  std::string output = "model.h5";
  AlsConfig als;
  PopularConfig popular;
  std::string hold_out = "none";  ///< none, random, last-n
  SplitConfig split;
  double validation_share = 0.05;  ///< used with patience
  Count validation_n = 20;
};

enum class TrainPaths : int { declared, decided_by_run };
void declare_train(OptionSet& options, TrainOptions& train, TrainPaths paths);

/// Fits the chosen family to the dataset, with whatever it holds out left out, and says in the model's
/// settings what that was. Collective.
Model fit(Session& session, const Dataset& dataset, const TrainOptions& options, const OptionSet& settings);

/// What the model's settings say was held out of its dataset at random or by last-n; nothing = none. Local.
std::optional<SplitConfig> recorded_split(const Model& model);

}  // namespace pushcart::app
