#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pushcart::detail {

/// A compiled strptime pattern. Unlike strptime(3) it knows no locale, refuses patterns and dates that make
/// no sense, has to match the whole text, and knows %f (a fraction of a second, dropped).
class TimePattern {
 public:
  TimePattern() = default;

  /// ConfigError (--time-format) for a directive that is not supported, or a pattern without a year.
  explicit TimePattern(const std::string& pattern);

  /// Unix seconds; a month or day that the pattern lacks is 1, a missing zone UTC.
  std::optional<std::int64_t> parse(std::string_view text) const;

 private:
  struct Step {
    char directive;  ///< 0: a literal; ' ': any number of blanks
    char literal;
  };
  void compile(std::string_view pattern, std::string_view whole);
  std::vector<Step> steps_;
};

/// Takes a zone off the front of `text`: Z, UTC, GMT, +HH, +HHMM or +HH:MM. @return seconds east of UTC
std::optional<int> read_zone(std::string_view& text);

}  // namespace pushcart::detail
