#pragma once

#include <optional>
#include <vector>

#include "pushcart/features/build_features.hpp"

namespace pushcart::detail {

/// Appends text_vector and text_kept_share to the features of the items; if no item has a text, `absent` says
/// so. Collective; throws as text_vectors().
std::optional<TextVectorsReport> add_text_vectors(const Communicator& comm, const Dataset& dataset,
                                                  const FeatureConfig& config, FeatureTable& of_items,
                                                  std::vector<AbsentFeature>& absent, PhaseLog& phases);

}  // namespace pushcart::detail
