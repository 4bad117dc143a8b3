#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/features/feature_config.hpp"
#include "pushcart/features/feature_table.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// A feature that this log cannot give, and why.
struct AbsentFeature {
  std::string name, reason;
};

/// What is said of the items' text vectors as a whole.
struct TextVectorsReport {
  Count num_terms = 0, num_entries = 0, num_items_without = 0;  ///< see TextVectors
  std::vector<double> singular_values;
  double kept_share_of_all = 0;
  int rounds = 0;
};

/// The same of category vectors.
struct CategoryVectorsReport {
  Count num_categories = 0, num_entries = 0, num_items_without = 0;  ///< see CategoryVectors
  std::vector<double> singular_values;
  double kept_share = 0;
  int rounds = 0;
};

/// What became of the log; the same on all ranks.
struct FeatureReport {
  Count num_events = 0;     ///< kept events until the cut-off
  Count later_events = 0;   ///< kept events after it, left out
  Count unknown_users = 0;  ///< users of the log whom the data set does not know
  Count unknown_items = 0;  ///< likewise
  std::vector<AbsentFeature> absent;
  std::optional<TextVectorsReport> text;  ///< if there are text vectors
  std::optional<CategoryVectorsReport> category_vectors;
};

/// What the cleaned log says of each user and item of the data set (docs/features.md has every formula). All
/// kept events until the cut-off count, also those of users and items that the data set left out. The same
/// bits for any number of ranks and threads. Collective.
/// @param log      with details (IngestConfig::keep_details); given up on the way
/// @param ingest   how it was read: which columns it has, which types take back
/// @param dataset  only ids, item names and attributes, searches and cut-off are used
/// @throws ConfigError for settings that make no sense or a plan over the budget
Features build_features(const Communicator& comm, InteractionLog log, const IngestConfig& ingest,
                        const Dataset& dataset, const FeatureConfig& config, FeatureReport& report,
                        PhaseLog& phases);

}  // namespace pushcart
