#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// How a night's retraining ended.
enum class Outcome : int {
  published,   ///< a new version went into service
  held,        ///< the gate kept the version in service
  failed,      ///< an error ended it
  rolled_back  ///< not a training: an earlier version was put back into service
};
std::string_view outcome_name(Outcome outcome);  ///< "published", "held", "failed", "rolled_back"

/// A line of a store's history.
struct Night {
  Count number = 0;
  std::string time;  ///< when it began, UTC
  Outcome outcome = Outcome::failed;
  std::string version;  ///< in service afterwards; empty = none
  std::string reason;   ///< why it was not published, or rolled back; empty = published
  /// All that was found out on the way (docs/retraining.md), in the order in which it is written.
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();
};

/// In the facts of a night that started cold since the time for that had come (`--cold-every`).
inline constexpr const char* cold_is_due_fact = "cold_is_due";

/// In the facts of a night that found the version in service damaged: the earlier one that it started from.
inline constexpr const char* compared_with_fact = "compared_with";

/// Warm starts one upon the other, from the last cold one to the published night `service`: each from the
/// version then in service, or from that of compared_with_fact. A cold start that was due and held counts as
/// well: were it due again, and held again, no night would be published any more. Local.
Count nights_since_cold(std::span<const Night> nights, const Night& service);

/// As one line of JSON, without the line end. Local.
std::string night_text(const Night& night);

/// The nights of a history's text. A last line that was cut short by a crash is left out. Local; InputError,
/// naming `path` and the line, for any other line that is no night.
std::vector<Night> nights_of(std::string_view text, const std::string& path);

/// A table for people, a night a line. Local.
std::string nights_table(std::span<const Night> nights);

/// The metric over the nights as an SVG picture: of each night's model, of the one then in service and of
/// popularity, with a dot a night. Empty without nights. Local.
std::string nights_svg(std::span<const Night> nights);

}  // namespace pushcart
