#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "pushcart/base/error.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart {

namespace {

/// The whole text as a number of exactly `digits` digits.
std::optional<int> digits_of(std::string_view text, std::size_t first, std::size_t digits) {
  if (text.size() < first + digits) return std::nullopt;
  int value = 0;
  for (char letter : text.substr(first, digits)) {
    if (letter < '0' || letter > '9') return std::nullopt;
    value = value * 10 + (letter - '0');
  }
  return value;
}

std::optional<std::int64_t> seconds_of_day(std::string_view text) {
  if (text.empty()) return 0;
  const auto hour = digits_of(text, 1, 2);
  const auto minute = digits_of(text, 4, 2);
  const auto second = digits_of(text, 7, 2);
  const bool form =
      (text.size() == 9 || (text.size() == 10 && text[9] == 'Z')) && (text[0] == 'T' || text[0] == ' ');
  if (!form || !hour || !minute || !second || text[3] != ':' || text[6] != ':') return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return *hour * 3600 + *minute * 60 + *second;
}

std::optional<std::int64_t> seconds_from(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return seconds;
  const auto year = digits_of(text, 0, 4);
  const auto month = digits_of(text, 5, 2);
  const auto day = digits_of(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  const auto of_day = seconds_of_day(text.substr(10));
  if (!date.ok() || !of_day) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400} + *of_day;
}

}  // namespace

std::string utc_text(std::int64_t unix_seconds) {
  constexpr std::int64_t year_0 = -62167219200;
  constexpr std::int64_t year_10000 = 253402300800;
  if (unix_seconds < year_0 || unix_seconds >= year_10000) {
    throw ConfigError(fmt::format(
        "time {} s: outside the years 0 to 9999; give unix seconds, not milliseconds", unix_seconds));
  }
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::int64_t utc_from(std::string_view text, std::string_view option) {
  if (const auto seconds = seconds_from(text)) return *seconds;
  throw ConfigError(fmt::format(
      "{} {}: not a time; write 2024-05-01T06:30:00Z (UTC), 2024-05-01 or unix seconds", option, text));
}

}  // namespace pushcart
