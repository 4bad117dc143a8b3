#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/option_set.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::app {

/// "NAME" or "NAME=WEIGHT"; ConfigError for a weight that is no number.
std::pair<std::string, double> weighted_name(const std::string& text);
std::string weighted_text(const std::string& name, double weight);

/// What texts of items are compared by, and how. @param default_help  added to the help of the first option
void declare_terms(OptionSet& options, TermConfig& terms, const std::string& default_help);

/// What train content compares items by: --tags, --words, --ngrams and --vectors alone.
void declare_content_fields(OptionSet& options, ContentConfig& content);
/// Its sets of item vectors.
void declare_content_vectors(OptionSet& options, std::vector<ContentVectors>& vectors);

}  // namespace pushcart::app
