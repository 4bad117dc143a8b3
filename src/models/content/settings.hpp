#pragma once

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::content {

/// The settings with what is compared written out, if that was left to the dataset. ConfigError, naming the
/// option, for settings that make no sense. Local.
ContentConfig resolved(const ContentConfig& config, const Dataset& dataset);

/// The option that names fields of a kind.
std::string text_kind_option(TextKind kind);

/// Sum of the weights of all fields and sets.
double total_weight(const ContentConfig& config);

/// As JSON, for the model.
std::string settings_text(const ContentConfig& config);

}  // namespace pushcart::content
