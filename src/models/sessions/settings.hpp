#pragma once

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/sessions.hpp"

namespace pushcart::sessions {

/// What a preset and single settings come to.
struct Weighting {
  double step_decay = 1, backward = 1, from_exponent = 0.5, to_exponent = 0.5;
};

/// ConfigError, naming the option, for settings that make no sense or need what the data set lacks. Local.
Weighting resolved(const SessionsConfig& config, const Dataset& dataset);

}  // namespace pushcart::sessions
