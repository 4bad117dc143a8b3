#pragma once

#include <cmath>
#include <cstdint>

#include "ingest/stored_rows.hpp"
#include "pushcart/events/event.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart::detail {

/// The checks that one row decides by itself, and which checks drop rows at all.
class RowChecks {
 public:
  /// @param now  unix seconds
  RowChecks(const IngestConfig& config, std::int64_t now);

  /// Every fault that this event has, whatever its others.
  FaultMask faults_of(const Event& event) const {
    FaultMask faults = 0;
    if (event.user.empty()) faults |= fault_bit(Check::missing_user);
    if (event.item.empty()) faults |= fault_bit(Check::missing_item);
    if (needs_rating_ && std::isnan(event.value)) faults |= fault_bit(Check::missing_rating);
    if (event.price <= 0) faults |= fault_bit(Check::bad_price);
    if (has_time_) faults |= event.time == Event::no_time ? fault_bit(Check::missing_time) : time_faults(event.time);
    return faults;
  }
  /// The faults of a time, by the clock and the window of this run.
  FaultMask time_faults(std::int64_t time) const {
    if (!has_time_) return 0;
    FaultMask faults = 0;
    if (time > now_) faults |= fault_bit(Check::future_time);
    if (time < min_time_) faults |= fault_bit(Check::ancient_time);
    if (time < window_begin_ || time >= window_end_) faults |= fault_bit(Check::outside_window);
    return faults;
  }
  FaultMask enabled() const { return enabled_; }

 private:
  bool needs_rating_;
  bool has_time_;
  std::int64_t now_, min_time_, window_begin_, window_end_;
  FaultMask enabled_ = 0;
};

}  // namespace pushcart::detail
