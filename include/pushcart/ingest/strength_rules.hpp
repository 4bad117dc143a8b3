#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pushcart/events/event.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart {

/// What the events of one type do to a pair.
struct TypeRule {
  EventRule rule;
  std::string column;  ///< event type whose strength they change: their own, or the one they take back
  bool takes_back = false;
};

/// From behaviour to strength: amount of an event, decay with age, saturation of a sum.
class StrengthRules {
 public:
  explicit StrengthRules(const IngestConfig& config);

  TypeRule of_type(std::string_view type) const;

  /// weight * pieces * dwell, rounded to float; negative if the quantity is, or if the type takes back.
  static float event_amount(const TypeRule& rule, const Event& event);

  /// 2^(-age / half-life), 1 without a half-life.
  double decay(std::int64_t time, std::int64_t anchor) const;

  /// The sum of one type's events after saturation; 0 if the sum is not positive.
  static double saturated(const EventRule& rule, double sum);

 private:
  std::map<std::string, EventRule, std::less<>> events_;
  std::map<std::string, std::string, std::less<>> return_types_;
  EventRule default_event_;
  double half_life_seconds_;
};

}  // namespace pushcart
