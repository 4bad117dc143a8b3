#include "features/event_acts.hpp"

#include <algorithm>
#include <limits>

#include "pushcart/ingest/strength_rules.hpp"

namespace pushcart::detail {

EventActs::EventActs(const InteractionLog& log, const IngestConfig& ingest, const FeatureConfig& config) {
  const StrengthRules rules(ingest);
  for (const auto& type : log.types) {
    const TypeRule rule = rules.of_type(type);
    Act act = Act::other;
    if (rule.takes_back) {
      if (rule.column == config.purchase_type) act = Act::giving_back;
    } else if (type == config.view_type) {
      act = Act::view;
    } else if (type == config.cart_type) {
      act = Act::cart;
    } else if (type == config.purchase_type) {
      act = Act::purchase;
    }
    of_type_.push_back(act);
  }
}

bool EventActs::has(Act act) const {
  return std::find(of_type_.begin(), of_type_.end(), act) != of_type_.end();
}

PairActs acts_of_pair(const EventActs& acts, std::span<const LogEvent> events,
                      std::span<const EventDetails> details) {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  std::int64_t first_view = never, first_cart = never;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const Act act = acts(events[e], details[e]);
    if (act == Act::view) first_view = std::min(first_view, events[e].time);
    if (act == Act::cart) first_cart = std::min(first_cart, events[e].time);
  }
  PairActs pair;
  pair.viewed = first_view != never;
  pair.carted = first_cart != never;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const Act act = acts(events[e], details[e]);
    const std::int64_t time = events[e].time;
    if (act == Act::cart) pair.carted_after_view |= time >= first_view;
    if (act != Act::purchase) continue;
    pair.bought = true;
    pair.bought_after_view |= time >= first_view;
    pair.bought_after_cart |= time >= first_cart;
  }
  return pair;
}

}  // namespace pushcart::detail
