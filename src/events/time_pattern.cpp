#include "events/time_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "events/civil_time.hpp"
#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::detail {

namespace {

constexpr std::array<std::string_view, 12> months = {"january",   "february", "march",    "april",
                                                     "may",       "june",     "july",     "august",
                                                     "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> weekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                      "thursday", "friday", "saturday"};

/// Directives that stand for others, as in strptime(3).
std::string_view expansion(char directive) {
  switch (directive) {
    case 'F':
      return "%Y-%m-%d";
    case 'T':
      return "%H:%M:%S";
    case 'R':
      return "%H:%M";
    case 'D':
      return "%m/%d/%y";
    default:
      return {};
  }
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), [](char w, char t) {
           return w == (t >= 'A' && t <= 'Z' ? t - 'A' + 'a' : t);
         });
}

/// Takes one of the names, or its first three letters, off `text`. @return its position, or -1
template <class List>
int read_name(std::string_view& text, const List& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!starts_with_word(text, names[i].substr(0, 3))) continue;
    text.remove_prefix(starts_with_word(text, names[i]) ? names[i].size() : 3);
    return static_cast<int>(i);
  }
  return -1;
}

/// Takes 1 to `most_digits` digits off `text`.
bool read_digits(std::string_view& text, std::size_t most_digits, int& value) {
  std::size_t n = 0;
  value = 0;
  for (; n < text.size() && n < most_digits && is_digit(text[n]); ++n) value = value * 10 + (text[n] - '0');
  text.remove_prefix(n);
  return n > 0;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text[0])) text.remove_prefix(1);
}

/// What has been read of a text so far.
struct Reading {
  std::string_view rest;
  CivilTime time;
  std::optional<std::int64_t> epoch_seconds;
  enum class Half { none, am, pm } half = Half::none;
  bool twelve_hours = false;
};

bool read_half(Reading& reading) {
  const bool am = starts_with_word(reading.rest, "am");
  if (!am && !starts_with_word(reading.rest, "pm")) return false;
  reading.half = am ? Reading::Half::am : Reading::Half::pm;
  reading.rest.remove_prefix(2);
  return true;
}

bool read_short_year(Reading& reading) {
  int year = 0;
  if (!read_digits(reading.rest, 2, year)) return false;
  reading.time.year = year + (year < 69 ? 2000 : 1900);  // POSIX
  return true;
}

bool read_fraction(Reading& reading) {
  int ignored = 0;
  return read_digits(reading.rest, 9, ignored);
}

bool read_epoch(Reading& reading) {
  const bool negative = !reading.rest.empty() && reading.rest[0] == '-';
  if (negative) reading.rest.remove_prefix(1);
  std::int64_t value = 0;
  std::size_t n = 0;
  for (; n < reading.rest.size() && n < 18 && is_digit(reading.rest[n]); ++n)
    value = value * 10 + (reading.rest[n] - '0');
  reading.rest.remove_prefix(n);
  reading.epoch_seconds = negative ? -value : value;
  return n > 0 && value <= latest_time;
}

bool read_offset(Reading& reading) {
  const auto offset = read_zone(reading.rest);
  reading.time.offset_seconds = offset.value_or(0);
  return offset.has_value();
}

bool read_directive(char directive, Reading& r) {
  CivilTime& time = r.time;
  switch (directive) {
    case 'Y':
      return read_digits(r.rest, 4, time.year);
    case 'y':
      return read_short_year(r);
    case 'm':
      return read_digits(r.rest, 2, time.month);
    case 'd':
    case 'e':
      skip_blanks(r.rest);
      return read_digits(r.rest, 2, time.day);
    case 'H':
      return read_digits(r.rest, 2, time.hour);
    case 'I':
      r.twelve_hours = true;
      return read_digits(r.rest, 2, time.hour);
    case 'M':
      return read_digits(r.rest, 2, time.minute);
    case 'S':
      return read_digits(r.rest, 2, time.second);
    case 'f':
      return read_fraction(r);
    case 'p':
      return read_half(r);
    case 'b':
    case 'B':
    case 'h':
      return (time.month = read_name(r.rest, months) + 1) > 0;
    case 'a':
    case 'A':
      return read_name(r.rest, weekdays) >= 0;
    case 'z':
    case 'Z':
      return read_offset(r);
    case 's':
      return read_epoch(r);
    default:
      return false;
  }
}

/// Hours 1 to 12 with am or pm -> 0 to 23.
bool settle_hour(Reading& reading) {
  int& hour = reading.time.hour;
  if (reading.twelve_hours && (hour < 1 || hour > 12)) return false;
  if (reading.twelve_hours && reading.half != Reading::Half::none) {
    hour = hour % 12 + (reading.half == Reading::Half::pm ? 12 : 0);
  }
  return true;
}

}  // namespace

std::optional<int> read_zone(std::string_view& text) {
  for (const std::string_view name : {"utc", "gmt", "z"}) {
    if (!starts_with_word(text, name)) continue;
    text.remove_prefix(name.size());
    return 0;
  }
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return {};
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  if (!is_digit(text[0]) || !is_digit(text[1])) return {};
  int hours = 0, minutes = 0;
  read_digits(text, 2, hours);
  const bool colon = !text.empty() && text[0] == ':';
  if (colon) text.remove_prefix(1);
  const std::size_t before = text.size();
  read_digits(text, 2, minutes);
  const std::size_t digits = before - text.size();
  if (digits != 2 && (colon || digits != 0)) return {};
  if (hours > 23 || minutes > 59) return {};
  return sign * (hours * 3600 + minutes * 60);
}

TimePattern::TimePattern(const std::string& pattern) {
  compile(pattern, pattern);
  const bool has_year = std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return step.directive == 'Y' || step.directive == 'y' || step.directive == 's';
  });
  if (!has_year)
    throw ConfigError(fmt::format("--time-format {}: has no year (%Y, %y, %F, %D or %s)", shown(pattern)));
}

void TimePattern::compile(std::string_view pattern, std::string_view whole) {
  constexpr std::string_view supported = "YymdeHIMSfpbBhaAzZs";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_blank(pattern[i])) {
      steps_.push_back({' ', 0});
    } else if (pattern[i] != '%') {
      steps_.push_back({0, pattern[i]});
    } else {
      const char directive = ++i < pattern.size() ? pattern[i] : '\0';
      if (directive == '%') {
        steps_.push_back({0, '%'});
      } else if (!expansion(directive).empty()) {
        compile(expansion(directive), whole);
      } else if (directive != '\0' && supported.find(directive) != std::string_view::npos) {
        steps_.push_back({directive, 0});
      } else {
        throw ConfigError(fmt::format("--time-format {}: '%{}' is not supported; use some of %{} and F T R D",
                                      shown(whole), directive ? std::string(1, directive) : "",
                                      fmt::join(supported, " %")));
      }
    }
  }
}

std::optional<std::int64_t> TimePattern::parse(std::string_view text) const {
  Reading reading{.rest = text, .time = {}, .epoch_seconds = {}};
  for (const Step& step : steps_) {
    if (step.directive == ' ') {
      skip_blanks(reading.rest);
    } else if (step.directive != 0) {
      if (!read_directive(step.directive, reading)) return {};
    } else {
      if (reading.rest.empty() || reading.rest[0] != step.literal) return {};
      reading.rest.remove_prefix(1);
    }
  }
  if (!reading.rest.empty() || !settle_hour(reading)) return {};
  return reading.epoch_seconds ? reading.epoch_seconds : unix_seconds(reading.time);
}

}  // namespace pushcart::detail
