#pragma once

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/features/build_features.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::app {

/// All that `features` can be told, but for the data set.
struct FeatureOptions {
  std::string output = "features.h5";
  std::vector<std::string> inputs;  ///< the log
  FeatureConfig config;
};

/// What decides the numbers.
void declare_features(OptionSet& options, FeatureConfig& config);

/// ConfigError for settings out of range, and for what is only for vectors of texts or categories without
/// these. Local.
void check_features(const FeatureConfig& config);

/// Reads the log again, as the data set says it was read, and makes features of it, to be named at the end of
/// the run. Collective. @return for the run record
nlohmann::ordered_json make_feature_file(Session& session, const Dataset& dataset,
                                         const FeatureOptions& options);

}  // namespace pushcart::app
