#pragma once

#include <optional>
#include <vector>

#include "pushcart/features/build_features.hpp"
#include "pushcart/features/feature_table.hpp"
#include "pushcart/models/category_vectors.hpp"

namespace pushcart::detail {

CategoryVectorsConfig category_vectors_config(const FeatureConfig& config);

/// Appends category_vector to the features of the items, from the categories and their events in `features`;
/// if no user has an event on an item with a category, `absent` says so. Collective; throws as
/// category_vectors().
std::optional<CategoryVectorsReport> add_category_vectors(const Communicator& comm, const Dataset& dataset,
                                                          const FeatureConfig& config, Features& features,
                                                          std::vector<AbsentFeature>& absent,
                                                          PhaseLog& phases);

}  // namespace pushcart::detail
