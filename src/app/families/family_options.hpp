#pragma once

#include <string>
#include <vector>

#include "app/families/family.hpp"

namespace pushcart::app {

/// Adds the options of all families to `options`, each key once, with "family: " before its help. A text for a key
/// goes to the family named by `chosen` if that knows it, else to all that do; `chosen` is read when options are
/// applied, so it must be declared before them. Both must outlive `options`.
void declare_family_options(OptionSet& options, const ModelFamilies& families, const std::string& chosen);

/// Keys that some family knows, but not the one named.
std::vector<std::string> keys_of_other_families(const ModelFamilies& families, const std::string& name);

/// The family of that name; ConfigError with the nearest known name.
ModelFamily& find_family(const ModelFamilies& families, const std::string& name);

/// "als, popular".
std::string family_names(const ModelFamilies& families);

}  // namespace pushcart::app
