#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "features/event_acts.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/features/build_features.hpp"

namespace pushcart::detail {

/// What a log can be asked for, and from where its time is counted. The same on all ranks.
struct LogScope {
  LogScope(const FeatureConfig& settings, EventActs acts_of_types, std::vector<std::string> event_types)
      : config(settings), acts(std::move(acts_of_types)), types(std::move(event_types)) {}

  const FeatureConfig& config;
  EventActs acts;
  std::vector<std::string> types;
  bool has_times = false, has_prices = false, has_quantities = false, has_dwells = false;
  bool has_categories = false;
  std::int64_t cutoff = 0;                   ///< unix seconds, inclusive
  std::vector<std::int64_t> window_seconds;  ///< the windows are (cutoff - seconds, cutoff]
  std::int64_t utc_offset_seconds = 0;
  std::int64_t session_gap_seconds = 0;

  std::size_t num_windows() const { return window_seconds.size(); }
  std::size_t num_bands() const { return has_prices ? static_cast<std::size_t>(config.price_bands) : 0; }
  /// By the shop's clock, days since 1970-01-01.
  std::int64_t day_of(std::int64_t time) const {
    return floor_of_quotient(time + utc_offset_seconds, day_seconds);
  }
  double days_before_cutoff(std::int64_t time) const {
    return static_cast<double>(cutoff - time) / day_seconds;
  }
  int hour_of(std::int64_t time) const {
    const auto local = time + utc_offset_seconds;
    return static_cast<int>((local - floor_of_quotient(local, day_seconds) * day_seconds) / 3600);
  }
  /// 0 = Monday; 1970-01-01 was a Thursday.
  int weekday_of(std::int64_t time) const {
    const auto days = day_of(time) + 3;
    return static_cast<int>(days - 7 * floor_of_quotient(days, 7));
  }
};

LogScope scope_of(const InteractionLog& log, const IngestConfig& ingest, const Dataset& dataset,
                  const FeatureConfig& config);

/// Takes the events after the cut-off out of the log. Local. @return how many
Count drop_later_events(InteractionLog& log, const LogScope& scope);

}  // namespace pushcart::detail
