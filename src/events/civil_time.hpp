#pragma once

#include <cstdint>
#include <optional>

namespace pushcart::detail {

/// A date and time of day of the Gregorian calendar, as far as a log spells it out.
struct CivilTime {
  int year = 1970, month = 1, day = 1;
  int hour = 0, minute = 0, second = 0;
  int offset_seconds = 0;  ///< east of UTC
};

constexpr bool is_leap_year(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in_month(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/// Days from 1970-01-01 to a date of the (proleptic) Gregorian calendar, year >= 0. Years are counted from
/// March, so that the leap day comes last, and (153 m + 2) / 5 is the number of days before the m-th month
/// from March.
constexpr std::int64_t days_from_civil(int year, int month, int day) {
  const std::int64_t y = month > 2 ? year : year - 1;
  const std::int64_t m = month > 2 ? month - 3 : month + 9;
  const std::int64_t leap_days = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;
  constexpr std::int64_t epoch = 719468;  // 1970-01-01 counted from 0000-03-01
  return 365 * y + leap_days + (153 * m + 2) / 5 + (day - 1) - epoch;
}
static_assert(days_from_civil(1970, 1, 1) == 0 && days_from_civil(2000, 3, 1) == 11017);

/// First and last second of the years 0 to 9999.
inline constexpr std::int64_t earliest_time = days_from_civil(0, 1, 1) * 86400;
inline constexpr std::int64_t latest_time = days_from_civil(9999, 12, 31) * 86400 + 86399;

/// Nothing if a part is out of its range. Second 60 (a leap second) is the first of the next minute.
constexpr std::optional<std::int64_t> unix_seconds(const CivilTime& t) {
  if (t.year < 0 || t.year > 9999 || t.month < 1 || t.month > 12 || t.day < 1) return {};
  if (t.day > days_in_month(t.year, t.month)) return {};
  if (t.hour < 0 || t.hour > 23 || t.minute < 0 || t.minute > 59 || t.second < 0 || t.second > 60) return {};
  return days_from_civil(t.year, t.month, t.day) * 86400 + t.hour * 3600 + t.minute * 60 + t.second -
         t.offset_seconds;
}

}  // namespace pushcart::detail
