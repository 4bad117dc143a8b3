#pragma once

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::content {

/// The settings with what is compared written out, if that was left to the dataset. ConfigError, naming the
/// option, for settings that make no sense. Local.
ContentConfig resolved(const ContentConfig& config, const Dataset& dataset);

/// ConfigError, naming the option, for settings that make no sense. Local.
void check_terms(const TermConfig& config);
/// The same for the iteration to singular vectors.
void check_iteration(double tolerance, int max_rounds);

/// The option that names fields of a kind.
std::string text_kind_option(TextKind kind);

double weight_of_fields(const TermConfig& config);
/// Sum of the weights of all fields and sets.
double total_weight(const ContentConfig& config);

/// As JSON, for the model.
std::string settings_text(const ContentConfig& config);

}  // namespace pushcart::content
