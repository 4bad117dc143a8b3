#pragma once

#include <string>
#include <utility>

#include "app/option_set.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart::app {

/// "NAME" or "NAME=WEIGHT"; ConfigError for a weight that is no number.
std::pair<std::string, double> weighted_name(const std::string& text);
std::string weighted_text(const std::string& name, double weight);

/// What texts of items are compared by, and how. @param default_help  added to the help of the first option
void declare_terms(OptionSet& options, TermConfig& terms, const std::string& default_help);

}  // namespace pushcart::app
