#pragma once

#include "pushcart/models/similarity.hpp"

namespace pushcart::similarity {

/// ConfigError or InputError, naming the option, for settings that make no sense. Local.
void check_settings(const SimilarityConfig& config, Count num_columns, ValueKind value_kind);

/// ConfigError for what makes no sense where one side is who searched what. Local.
void check_settings_of_queries(const SimilarityConfig& config);

bool needs_ratings(SimilarityMetric metric);

}  // namespace pushcart::similarity
