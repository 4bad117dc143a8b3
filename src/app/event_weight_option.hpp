#pragma once

#include <map>
#include <string>

#include "app/option_set.hpp"

namespace pushcart::app {

/// --event-weight TYPE=WEIGHT ...
void declare_event_weights(OptionSet& options, std::map<std::string, double>& weights,
                           const std::string& help);

}  // namespace pushcart::app
