#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "features/log_scope.hpp"

namespace pushcart::detail {

/// What a user's features need to know of an item of the data set. Travels.
struct ItemFacts {
  Count num_users = 0;          ///< with an event on it
  std::int64_t first_time = 0;  ///< of its first event, unix seconds
  std::int32_t category = -1;   ///< -1 = none
  std::int32_t price_band = -1;
};

/// The items that this rank's events name.
struct NamedItems {
  std::span<const std::uint32_t> of_event;  ///< position below, by event
  std::vector<Count> index;                 ///< in the data set; -1 = not in it
  std::vector<ItemFacts> facts;             ///< of those in the data set
  double num_users = 0;                     ///< of the whole log, with an event
};

/// What is summed of one user. Sums of reals run in an order that depends on the events alone.
struct UserSummary {
  Count num_events = 0;
  std::vector<Count> events_of_type, events_of_window;
  std::int64_t first_time = 0, last_time = 0, last_purchase_time = 0;
  Count active_days = 0;
  std::array<Count, 24> events_of_hour{};
  std::array<Count, 7> events_of_weekday{};  ///< from Monday

  Count sessions = 0, views = 0;
  std::int64_t session_seconds = 0;
  double dwell_seconds = 0;

  Count purchases = 0, priced_purchases = 0, priced_events = 0;
  double spent = 0;                        ///< less what was given back
  double paid_prices = 0, all_prices = 0;  ///< sums over priced purchases and over priced events

  Count items = 0, items_viewed = 0, items_carted = 0;
  Count carted_after_view = 0, bought_after_view = 0, bought_after_cart = 0;
  Count known_items = 0;    ///< items of the data set
  double novelty_bits = 0;  ///< sum over them of -log2(share of users who have the item)
  Count events_of_known_items = 0;
  std::int64_t item_age_seconds = 0;  ///< sum over their events: time since the item's first event

  std::vector<Count> events_of_band;
  Count banded_events = 0;
  std::vector<std::pair<std::int32_t, Count>> events_of_category;  ///< ascending, those with any
  Count categorized_events = 0, top_category_events = 0;
  Count top_category = -1;      ///< the lowest of equals
  double category_entropy = 0;  ///< bits
};

/// Sums a user's events; one a thread.
class UserSummarizer {
 public:
  UserSummarizer(const InteractionLog& log, const LogScope& scope, const NamedItems& items)
      : log_(log), scope_(scope), items_(items) {}

  /// Of the events [first, end), which are all of one user, in order of item and time.
  const UserSummary& summarize(std::size_t first, std::size_t end);

 private:
  void clear();
  void sort_by_time(std::size_t first, std::size_t end);
  void add_time_line();
  void add_amounts();
  void add_items(std::size_t first, std::size_t end);
  void add_novelty();
  void add_categories();
  const ItemFacts* facts_of(std::size_t event) const;

  const InteractionLog& log_;
  const LogScope& scope_;
  const NamedItems& items_;
  UserSummary sum_;
  // scratch
  std::vector<std::size_t> by_time_;      // events
  std::vector<Count> item_users_;         // of the user's items
  std::vector<std::int32_t> categories_;  // of the user's events
};

}  // namespace pushcart::detail
