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

/// Features of a log, before they are written.
struct LogFeatures {
  Features features;
  FeatureReport report;
  bool is_its_log = true;    ///< of the very log that the data set was made of
  Count received_bytes = 0;  ///< by this rank from others, in reading and making them
};

/// Reads the log again, as the data set says it was read, and makes features of it. Collective.
/// @param dataset  only ids, names, attributes, searches, cut-off and provenance are used
LogFeatures read_features(Session& session, const Dataset& dataset, const FeatureOptions& options);

/// Leaves what read_features() uses. Local.
void drop_pairs(Dataset& dataset);

/// The same, written to a file that is named at the end of the run. Collective. @return for the run record
nlohmann::ordered_json make_feature_file(Session& session, const Dataset& dataset,
                                         const FeatureOptions& options);

}  // namespace pushcart::app
