#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "events/time_pattern.hpp"

namespace pushcart::detail {

/// Time fields -> unix seconds, under one of the time formats of LogFormat.
class TimeParser {
 public:
  /// ConfigError (--time-format) if the format is none that LogFormat names.
  explicit TimeParser(const std::string& format);

  /// Nothing if the text does not fit. `text` has no blanks around it.
  std::optional<std::int64_t> parse(std::string_view text) const;

 private:
  enum class Kind { automatic, unix_seconds, unix_milliseconds, iso, pattern };
  Kind kind_;
  TimePattern pattern_;
};

/// ISO 8601 in extended form: 2009-12-01, 2009-12-01T07:45, 2009-12-01 07:45:00.25+02:00; "Z", " UTC" or no
/// zone are UTC. Fractions are dropped.
std::optional<std::int64_t> parse_iso_time(std::string_view text);

}  // namespace pushcart::detail
