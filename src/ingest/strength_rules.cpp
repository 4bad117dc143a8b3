#include "pushcart/ingest/strength_rules.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart {

StrengthRules::StrengthRules(const IngestConfig& config)
    : events_(config.events.begin(), config.events.end()),
      return_types_(config.return_types.begin(), config.return_types.end()),
      default_event_(config.default_event),
      half_life_seconds_(config.half_life_days * 86400) {}

TypeRule StrengthRules::of_type(std::string_view type) const {
  TypeRule result;
  const auto taken_back = return_types_.find(type);
  result.takes_back = taken_back != return_types_.end();
  result.column = result.takes_back ? taken_back->second : std::string(type);
  const auto named = events_.find(result.column);
  result.rule = named == events_.end() ? default_event_ : named->second;
  return result;
}

float StrengthRules::event_amount(const TypeRule& type, const Event& event) {
  double amount = type.rule.weight;
  bool negative = type.takes_back;
  if (!std::isnan(event.quantity)) {
    const double pieces = std::abs(event.quantity);
    negative = negative || event.quantity < 0;
    switch (type.rule.quantity) {
      case QuantityScale::none:
        amount *= pieces > 0 ? 1 : 0;
        break;
      case QuantityScale::linear:
        amount *= pieces;
        break;
      case QuantityScale::log1p:
        amount *= std::log1p(pieces);
        break;
    }
  }
  if (type.rule.dwell_unit_seconds > 0 && !std::isnan(event.dwell)) {
    amount *= std::clamp(event.dwell / type.rule.dwell_unit_seconds, 0.0, type.rule.dwell_max);
  }
  return static_cast<float>(negative ? -amount : amount);
}

double StrengthRules::decay(std::int64_t time, std::int64_t anchor) const {
  if (half_life_seconds_ <= 0) return 1;
  return std::exp2(static_cast<double>(time - anchor) / half_life_seconds_);
}

double StrengthRules::saturated(const EventRule& rule, double sum) {
  if (!(sum > 0)) return 0;
  switch (rule.cap) {
    case Cap::none:
      return sum;
    case Cap::log1p:
      return std::log1p(sum);
    case Cap::min:
      return std::min(sum, rule.cap_value);
  }
  return sum;
}

}  // namespace pushcart
