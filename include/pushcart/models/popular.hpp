#pragma once

#include <map>
#include <string>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

enum class PopularMeasure : int { strength, users };

struct PopularConfig {
  PopularMeasure measure = PopularMeasure::users;  ///< sum of strengths, or number of users, each
                                                   ///< by the age of its latest event if there is a half-life
  /// Weights of an interaction halve with every so many days before dataset.cutoff_time; 0 = never.
  double half_life_days = 0;
  std::map<std::string, double> event_weights = {};  ///< as in AlsConfig
};

/// The same score for every user: item_bias. Collective. ConfigError: a half-life for a log without times,
/// unknown event types.
Model train_popular(const Communicator& comm, const Dataset& dataset, const PopularConfig& config);

}  // namespace pushcart
