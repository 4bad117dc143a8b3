#include "models/sessions/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {

namespace {

constexpr std::array<std::string_view, 2> preset_names{"markov", "knn"};

void check_range(double value, double most, std::string_view option) {
  if (value >= 0 && value <= most) return;
  throw ConfigError(fmt::format("{} {}: must be in [0, {}]", option, value, most));
}

}  // namespace

SessionPreset session_preset_of(std::string_view name) {
  const auto found = std::find(preset_names.begin(), preset_names.end(), name);
  if (found != preset_names.end()) return static_cast<SessionPreset>(found - preset_names.begin());
  const std::vector<std::string> known(preset_names.begin(), preset_names.end());
  throw ConfigError(fmt::format("--preset '{}' is not known; did you mean '{}'? (known: {})", name,
                                nearest_word(name, known), fmt::join(known, ", ")));
}
std::string_view session_preset_name(SessionPreset preset) {
  return preset_names.at(static_cast<std::size_t>(preset));
}

namespace sessions {

Weighting resolved(const SessionsConfig& config, const Dataset& dataset) {
  if (dataset.cutoff_time == 0) {
    throw ConfigError("sessions need times, and the dataset has none; ingest it with a time column");
  }
  check_profile(config.profile);
  Weighting weighting;
  if (config.preset == SessionPreset::markov) weighting = {0, 0, 1, 0};
  weighting.step_decay = config.step_decay.value_or(weighting.step_decay);
  weighting.backward = config.backward.value_or(weighting.backward);
  weighting.from_exponent = config.from_exponent.value_or(weighting.from_exponent);
  weighting.to_exponent = config.to_exponent.value_or(weighting.to_exponent);
  check_range(weighting.step_decay, 1, "--step-decay");
  check_range(weighting.backward, 1, "--backward");
  check_range(weighting.from_exponent, 2, "--from-exponent");
  check_range(weighting.to_exponent, 2, "--to-exponent");
  if (config.max_steps < 1) {
    throw ConfigError(fmt::format("--max-steps {}: must be at least 1", config.max_steps));
  }
  if (config.neighbours < 1) {
    throw ConfigError(fmt::format("--neighbours {}: must be at least 1", config.neighbours));
  }
  if (!(config.half_life_days >= 0) || std::isinf(config.half_life_days)) {
    throw ConfigError(
        fmt::format("--session-half-life-days {}: must be a number of at least 0", config.half_life_days));
  }
  return weighting;
}

}  // namespace sessions
}  // namespace pushcart
