#include "events/time_parser.hpp"

#include <fmt/core.h>

#include <array>
#include <cmath>

#include "events/civil_time.hpp"
#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::detail {

namespace {

/// Two digits at `at`, or -1.
int two_digits(const char* at) {
  return is_digit(at[0]) && is_digit(at[1]) ? (at[0] - '0') * 10 + (at[1] - '0') : -1;
}

/// The largest whole number <= a decimal number, which may have a fraction and an exponent.
std::optional<std::int64_t> floor_of_decimal(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t first_digit = i;
  std::int64_t whole = 0;
  for (; i < text.size() && is_digit(text[i]) && i - first_digit < 18; ++i)
    whole = whole * 10 + (text[i] - '0');
  if (i == text.size() && i > first_digit) return negative ? -whole : whole;
  const auto number = parse_number(text);
  if (!number || std::abs(*number) > 1e17) return {};
  return static_cast<std::int64_t>(std::floor(*number));
}

std::optional<std::int64_t> within_range(std::int64_t seconds) {
  if (seconds < earliest_time || seconds > latest_time) return {};
  return seconds;
}

std::int64_t floor_of_thousandth(std::int64_t value) {
  return value >= 0 ? value / 1000 : -((-value + 999) / 1000);
}

std::optional<std::int64_t> parse_unix_seconds(std::string_view text) {
  const auto value = floor_of_decimal(text);
  return value ? within_range(*value) : std::nullopt;
}

std::optional<std::int64_t> parse_unix_milliseconds(std::string_view text) {
  const auto value = floor_of_decimal(text);
  return value ? within_range(floor_of_thousandth(*value)) : std::nullopt;
}

std::optional<std::int64_t> parse_automatic(std::string_view text) {
  if (text.size() > 4 && text[4] == '-' && is_digit(text[0])) return parse_iso_time(text);
  constexpr std::int64_t least_milliseconds = 100'000'000'000;
  const auto value = floor_of_decimal(text);
  if (!value) return {};
  const bool milliseconds = *value >= least_milliseconds || *value <= -least_milliseconds;
  return within_range(milliseconds ? floor_of_thousandth(*value) : *value);
}

/// The time of day after a date: HH:MM[:SS[.fraction]]; the part read is taken off `text`.
bool read_time_of_day(std::string_view& text, CivilTime& time) {
  if (text.size() < 5 || text[2] != ':') return false;
  time.hour = two_digits(text.data());
  time.minute = two_digits(text.data() + 3);
  text.remove_prefix(5);
  if (text.size() >= 3 && text[0] == ':') {
    time.second = two_digits(text.data() + 1);
    text.remove_prefix(3);
    if (text.size() >= 2 && (text[0] == '.' || text[0] == ',') && is_digit(text[1])) {
      text.remove_prefix(1);
      while (!text.empty() && is_digit(text[0])) text.remove_prefix(1);
    }
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> parse_iso_time(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return {};
  const char* at = text.data();
  const int century = two_digits(at), year = two_digits(at + 2);
  if (century < 0 || year < 0) return {};
  CivilTime time{.year = century * 100 + year, .month = two_digits(at + 5), .day = two_digits(at + 8)};
  text.remove_prefix(10);
  if (text.empty()) return unix_seconds(time);
  if (text[0] != 'T' && text[0] != ' ' && text[0] != 't') return {};
  text.remove_prefix(1);
  if (!read_time_of_day(text, time)) return {};
  if (text.empty()) return unix_seconds(time);
  if (text[0] == ' ') text.remove_prefix(1);
  const auto offset = read_zone(text);
  if (!offset || !text.empty()) return {};
  time.offset_seconds = *offset;
  return unix_seconds(time);
}

TimeParser::TimeParser(const std::string& format) {
  const std::array<std::string, 4> names = {"auto", "unix", "unix_ms", "iso"};
  constexpr Kind kinds[] = {Kind::automatic, Kind::unix_seconds, Kind::unix_milliseconds, Kind::iso};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (format != names[i]) continue;
    kind_ = kinds[i];
    return;
  }
  if (format.find('%') == std::string::npos) {
    throw ConfigError(
        fmt::format("--time-format {}: unknown; did you mean '{}'? Known are auto, unix, unix_ms, iso, and "
                    "patterns such as "
                    "\"%d/%m/%Y %H:%M\"",
                    shown(format), nearest_word(format, names)));
  }
  kind_ = Kind::pattern;
  pattern_ = TimePattern(format);
}

std::optional<std::int64_t> TimeParser::parse(std::string_view text) const {
  switch (kind_) {
    case Kind::automatic:
      return parse_automatic(text);
    case Kind::unix_seconds:
      return parse_unix_seconds(text);
    case Kind::unix_milliseconds:
      return parse_unix_milliseconds(text);
    case Kind::iso:
      return parse_iso_time(text);
    case Kind::pattern:
      return pattern_.parse(text);
  }
  return {};
}

}  // namespace pushcart::detail
