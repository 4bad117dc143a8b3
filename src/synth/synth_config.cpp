#include "pushcart/synth/synth_config.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

constexpr std::array<std::string_view, num_synth_types> type_names{"view", "search", "cart", "purchase",
                                                                   "return"};
constexpr std::array<std::string_view, num_synth_faults> fault_names{
    "duplicate_line", "missing_user", "missing_item", "bad_number",  "bad_time",
    "bad_price",      "future_time",  "garbage",      "service_code"};

constexpr Count max_lines_per_user_day = 500;

void expect_range(const char* option, Count value, Count low, Count high) {
  if (value < low || value > high) {
    throw ConfigError(fmt::format("{} {}: must be {} to {}", option, value, low, high));
  }
}

void expect_real(const std::string& option, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    throw ConfigError(fmt::format("{} {}: must be {} to {}", option, value, low, high));
  }
}

void validate_sizes(const SynthConfig& config) {
  expect_range("--users", config.users, 1, 10'000'000'000);
  expect_range("--items", config.items, 1, 100'000'000);
  expect_range("--events", config.events, 1, 1'000'000'000'000);
  expect_range("--days", config.days, 1, 36500);
  expect_range("--categories", config.categories, 0, std::min<Count>(config.items, 10'000));
  expect_range("--latent-dimensions", config.latent_dimensions, 1, 256);
  expect_range("--files", config.files, 1, 10'000);
  expect_range("--truth-users", config.truth_users, 0, 10'000'000'000);
  expect_range("--truth-list-users", config.truth_list_users, 0, 10'000'000'000);
  expect_range("--truth-list-length", config.truth_list_length, 1, 10'000);
  if (config.events / config.days / max_lines_per_user_day > config.users) {
    throw ConfigError(fmt::format("--events {}: over {} a user and day; use more --users or --days",
                                  config.events, max_lines_per_user_day));
  }
}

void validate_shares(const SynthConfig& config) {
  expect_real("--popularity-exponent", config.popularity_exponent, 0.0, 3.0);
  expect_real("--popularity-drift", config.popularity_drift, 0.0, 2.0);
  expect_real("--taste-drift", config.taste_drift, 0.0, 1.0);
  expect_real("--new-item-share", config.new_item_share, 0.0, 0.9);
  expect_real("--search-share", config.search_share, 0.0, 1.0);
  expect_real("--return-share", config.return_share, 0.0, 1.0);
  expect_real("--bot-share", config.bot_share, 0.0, 1.0);
  double total = 0;
  for (int fault = 0; fault < num_synth_faults; ++fault) {
    const double share = config.dirt[static_cast<std::size_t>(fault)];
    expect_real(synth_fault_option(static_cast<SynthFault>(fault)), share, 0.0, 1.0);
    total += share;
  }
  if (total > 1.0) {
    throw ConfigError(
        fmt::format("--dirt-...: the shares of dirty lines add up to {:.3g}; at most 1", total));
  }
}

}  // namespace

std::string_view synth_type_name(SynthType type) {
  return type_names[static_cast<std::size_t>(type)];
}

std::string_view synth_fault_name(SynthFault fault) {
  return fault_names[static_cast<std::size_t>(fault)];
}

std::string synth_fault_option(SynthFault fault) {
  std::string option = fmt::format("--dirt-{}", synth_fault_name(fault));
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

void validate(const SynthConfig& config) {
  validate_sizes(config);
  validate_shares(config);
  if (synth_start_time(config) + config.days * 86400 > synth_future_begin) {
    throw ConfigError(fmt::format("--start-date {}: the log must end before 2090", config.start_date));
  }
}

std::int64_t synth_start_time(const SynthConfig& config) {
  int year = 0, month = 0, day = 0, used = 0;
  const int fields = std::sscanf(config.start_date.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (fields != 3 || used != static_cast<int>(config.start_date.size()) || !date.ok() || year < 1970) {
    throw ConfigError(
        fmt::format("--start-date {}: must be a date from 1970-01-01 on, as YYYY-MM-DD", config.start_date));
  }
  return std::int64_t{86400} * std::chrono::sys_days(date).time_since_epoch().count();
}

std::string synth_user_id(Count user) {
  return fmt::format("u{}", 10001 + user);
}
std::string synth_item_id(Count item) {
  return fmt::format("p{}", 20001 + item);
}

}  // namespace pushcart
