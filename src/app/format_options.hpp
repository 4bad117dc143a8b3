#pragma once

#include "app/option_set.hpp"
#include "pushcart/events/log_format.hpp"

namespace pushcart::app {

/// The options that say how the lines of a log are read. `prefix` is "" or, for instance, "test-".
void declare_format(OptionSet& options, LogFormat& format, const std::string& prefix);

/// One character, or "tab". ConfigError.
char delimiter_of(const std::string& text);

}  // namespace pushcart::app
