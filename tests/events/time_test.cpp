#include <gmock/gmock.h>

#include <ctime>
#include <random>

#include "events/civil_time.hpp"
#include "events/time_parser.hpp"
#include "owned_event.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::detail {
namespace {

using testing::HasSubstr;

/// The C library's calendar, as an independent reference.
std::int64_t reference_seconds(int year, int month, int day, int hour, int minute, int second) {
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  return timegm(&parts);
}

TEST(CivilTime, AgreesWithTheCalendarOfTheCLibraryOnEveryDay) {
  for (int year = 0; year <= 2500; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= days_in_month(year, month); ++day) {
        ASSERT_EQ(days_from_civil(year, month, day) * 86400, reference_seconds(year, month, day, 0, 0, 0))
            << year << '-' << month << '-' << day;
      }
    }
  }
}

struct Case {
  const char* format;
  const char* text;
  std::optional<std::int64_t> seconds;
};

constexpr std::int64_t morning = 1259653500;  // date -u -d '2009-12-01 07:45:00' +%s

TEST(TimeParser, ReadsWhatItShouldAndNothingElse) {
  const Case cases[] = {
      {"auto", "2009-12-01 07:45:00", morning},
      {"auto", "2009-12-01T07:45:00Z", morning},
      {"auto", "2009-12-01t07:45:00z", morning},
      {"auto", "2009-12-01 07:45:00 UTC", morning},
      {"auto", "2009-12-01 07:45", morning},
      {"auto", "2009-12-01T09:45:00+02:00", morning},
      {"auto", "2009-12-01T09:45:00+0200", morning},
      {"auto", "2009-12-01T09:45:00+02", morning},
      {"auto", "2009-12-01T02:15:00-05:30", morning},
      {"auto", "2009-12-01T07:45:00.999999Z", morning},
      {"auto", "2009-12-01T07:45:00,5", morning},
      {"auto", "2009-12-01", 1259625600},
      {"auto", "1969-12-31T23:59:59Z", -1},
      {"auto", "2016-12-31T23:59:60Z", 1483228800},
      {"auto", "2012-02-29", 1330473600},
      {"auto", "1259653500", morning},
      {"auto", "1259653500.75", morning},
      {"auto", "1.2596535e9", morning},
      {"auto", "1259653500000", morning},
      {"auto", "1259653500999", morning},
      {"auto", "-1", -1},
      {"auto", "-1.5", -2},
      {"auto", "0", 0},
      {"auto", "99999999999", 99999999999},
      {"auto", "100000000000", 100000000},
      {"auto", "-100000000001", -100000001},
      {"unix", "1259653500", morning},
      {"unix", "1259653500000", {}},
      {"unix_ms", "1259653500000", morning},
      {"unix_ms", "-1", -1},
      {"unix_ms", "1500", 1},
      {"iso", "2009-12-01 07:45:00", morning},
      {"iso", "1259653500", {}},
      {"auto", "2011-02-29", {}},
      {"auto", "2009-13-01", {}},
      {"auto", "2009-00-01", {}},
      {"auto", "2009-12-00", {}},
      {"auto", "2009-12-01 24:00:00", {}},
      {"auto", "2009-12-01 07:60:00", {}},
      {"auto", "2009-12-01 07:45:61", {}},
      {"auto", "2009-12-01 7:45", {}},
      {"auto", "2009-12-01 07:45:00 CET", {}},
      {"auto", "2009-12-01 07:45:00Zx", {}},
      {"auto", "2009-12-01 07:45:00.", {}},
      {"auto", "2009-12-01T", {}},
      {"auto", "2009-12-01T07:45:00+2", {}},
      {"auto", "2009-12-01T07:45:00+02:", {}},
      {"auto", "2009-12-01T07:45:00+02:0", {}},
      {"auto", "2009-12-01T07:45:00+020", {}},
      {"auto", "2009-12-1", {}},
      {"auto", "2009/12/01", {}},
      {"auto", "yesterday", {}},
      {"auto", "nan", {}},
      {"auto", "inf", {}},
      {"auto", "-", {}},
      {"auto", "1e300", {}},
      {"auto", "99999999999999999999", {}},
      {"auto", "12 34", {}},
      {"%d/%m/%Y %H:%M", "01/12/2009 07:45", morning},
      {"%d/%m/%Y %H:%M", "1/12/2009 7:45", morning},
      {"%d/%m/%Y %H:%M", "12/1/2009 07:45", 1231746300},
      {"%d/%m/%Y %H:%M", "1/13/2009 07:45", {}},
      {"%d/%m/%Y %H:%M", "01/12/2009 07:45:00", {}},
      {"%d/%m/%Y %H:%M", "01/12/2009", {}},
      {"%m/%d/%y %I:%M %p", "12/01/09 07:45 AM", morning},
      {"%m/%d/%y %I:%M %p", "12/01/09 12:00 am", 1259625600},
      {"%m/%d/%y %I:%M %p", "12/01/09 12:00 PM", 1259668800},
      {"%m/%d/%y %I:%M %p", "12/01/09 13:00 PM", {}},
      {"%y", "68", 3092601600},
      {"%y", "69", -31536000},
      {"%a, %d %b %Y %T %z", "Tue, 01 Dec 2009 08:45:00 +0100", morning},
      {"%A %e %B %Y %R", "tuesday  1 december 2009 07:45", morning},
      {"%b %e %Y", "May 1 2009", 1241136000},
      {"%FT%T.%fZ", "2009-12-01T07:45:00.123Z", morning},
      {"%D", "12/01/09", 1259625600},
      {"%s", "1259653500", morning},
      {"%s", "-5", -5},
      {"%Y%m%d", "20091201", 1259625600},
      {"%Y%%%m", "2009%12", 1259625600},
      {"%Y", "2009", 1230768000},
      {"%Y", "", {}},
      {"%F", "2011-02-29", {}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(TimeParser(c.format).parse(c.text), c.seconds) << c.format << " of " << c.text;
  }
}

TEST(TimeParser, ReadsRandomTimesBackInEveryForm) {
  std::mt19937 random(7);
  const TimeParser automatic("auto"), pattern("%d.%m.%Y %H:%M:%S %z");
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t seconds =
        std::uniform_int_distribution<std::int64_t>(earliest_time, latest_time)(random);
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char iso[64], dotted[64];
    std::snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    std::snprintf(dotted, sizeof dotted, "%d.%d.%04d %d:%d:%d +00:00", parts.tm_mday, parts.tm_mon + 1,
                  parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    ASSERT_EQ(automatic.parse(iso), seconds) << iso;
    ASSERT_EQ(pattern.parse(dotted), seconds) << dotted;
    if (std::abs(seconds) < 100'000'000'000) {
      ASSERT_EQ(automatic.parse(std::to_string(seconds)), seconds);
    }
  }
}

TEST(TimeParser, RefusesFormatsThatMakeNoSense) {
  const auto text = [](const char* format) {
    return test::error_text<ConfigError>([&] { TimeParser{std::string(format)}; });
  };
  EXPECT_THAT(text("unixms"), HasSubstr("did you mean 'unix_ms'?"));
  EXPECT_THAT(text("%H:%M"), HasSubstr("has no year"));
  EXPECT_THAT(text("%Y %Q"), HasSubstr("'%Q' is not supported"));
  EXPECT_THAT(text("%Y %"), HasSubstr("is not supported"));
  EXPECT_THAT(text(""), HasSubstr("--time-format"));
}

TEST(ParseTimeOption, TakesDatesAndRefusesNumbersThatMayBeDates) {
  EXPECT_EQ(parse_time_option("2009-12-01"), 1259625600);
  EXPECT_EQ(parse_time_option(" 2009-12-01T07:45:00Z "), morning);
  EXPECT_EQ(parse_time_option("1259653500"), morning);
  for (const char* wrong : {"2010", "20091201", "soon", "", "2010-1-1"}) {
    const auto text = test::error_text<ConfigError>([&] { parse_time_option(wrong, "--since"); });
    EXPECT_THAT(text, HasSubstr("--since")) << wrong;
  }
}

}  // namespace
}  // namespace pushcart::detail
