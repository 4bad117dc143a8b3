#pragma once

#include <string>
#include <vector>

#include "app/option_set.hpp"

namespace pushcart::app {

/// Reads settings from a TOML file for the command `verb`. A table named like a command holds that command's
/// keys, so one file can serve several commands; without any such table the top level is the command's. The
/// commands `run` and `retrain` take those of the steps they make, as section.key. Keys may be written with - or _. A table as a value becomes
/// name="text" pairs (columns = { user = "Customer ID" }). ConfigError with file and line, also for a key that
/// `options` does not know. Local.
OptionValues read_toml(const std::string& path, const std::string& verb, const OptionSet& options,
                       const std::vector<std::string>& all_verbs);

/// The settings of a command as a TOML file that read_toml takes back to the same values, each with its meaning.
std::string to_toml(const OptionSet& options, const std::string& verb);

}  // namespace pushcart::app
