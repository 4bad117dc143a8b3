#pragma once

#include <span>
#include <vector>

#include "pushcart/features/feature_config.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// What an event is to features, whatever the log calls it.
enum class Act : std::uint8_t { other, view, cart, purchase, giving_back };

/// Tells acts by event type and sign of the quantity.
class EventActs {
 public:
  EventActs(const InteractionLog& log, const IngestConfig& ingest, const FeatureConfig& config);

  /// A purchase of a negative quantity gives back, as do the types that take a purchase back.
  Act operator()(const LogEvent& event, const EventDetails& details) const {
    const Act act = of_type_[event.type];
    return act == Act::purchase && details.quantity < 0 ? Act::giving_back : act;
  }
  bool has(Act act) const;  ///< whether the log has a type for it

 private:
  std::vector<Act> of_type_;
};

/// Pieces of an event: 1 where no quantity is given.
inline double pieces_of(const EventDetails& details) {
  return std::isnan(details.quantity) ? 1 : std::abs(static_cast<double>(details.quantity));
}
/// What they cost; NaN without a price.
inline double money_of(const EventDetails& details) {
  return static_cast<double>(details.price) * pieces_of(details);
}

/// What a user did with an item; "after" is not before the first, in the order of time.
struct PairActs {
  bool viewed = false, carted = false, bought = false;
  bool carted_after_view = false, bought_after_view = false, bought_after_cart = false;
};
/// @param events  of one user and item, in any order
PairActs acts_of_pair(const EventActs& acts, std::span<const LogEvent> events,
                      std::span<const EventDetails> details);

}  // namespace pushcart::detail
