#include "features/user_columns.hpp"

#include <fmt/core.h>

namespace pushcart::detail {

namespace {

using Columns = ColumnSet<UserSummary>;

constexpr const char* no_times = "the log has no times";
constexpr const char* no_events = "the user has no event";
constexpr const char* no_purchases = "the user has no purchase";

double real(Count count) {
  return static_cast<double>(count);
}

/// Days of the shop's clock from that of the first event to that of the cut-off, both counted.
double days_known(const LogScope& scope, const UserSummary& user) {
  return user.num_events == 0 ? 0 : real(scope.day_of(scope.cutoff) - scope.day_of(user.first_time) + 1);
}

template <class Counts>
void fill_shares(const Counts& counts, Count total, std::span<float> out) {
  for (std::size_t c = 0; c < out.size(); ++c)
    out[c] = static_cast<float>(ratio(real(counts[c]), real(total)));
}

void add_activity(const LogScope& scope, Columns& columns) {
  columns.add("events", "events", "events", never_missing,
              [](const UserSummary& user) { return real(user.num_events); });
  for (std::size_t type = 0; type < scope.types.size(); ++type) {
    columns.add("events_" + scope.types[type], "events", "events of the type " + scope.types[type],
                never_missing, [type](const UserSummary& user) { return real(user.events_of_type[type]); });
  }
  for (std::size_t w = 0; w < scope.num_windows(); ++w) {
    const auto days = fmt::format("{}", scope.config.window_days[w]);
    const auto name = fmt::format("events_{}d", days);
    if (!scope.has_times) {
      columns.leave_out(name, no_times);
      continue;
    }
    columns.add(name, "events", fmt::format("events of the last {} days", days), never_missing,
                [w](const UserSummary& user) { return real(user.events_of_window[w]); });
  }
  if (!scope.has_times) {
    for (const char* name : {"active_days", "days_since_first", "days_since_last", "events_per_day"}) {
      columns.leave_out(name, no_times);
    }
    return;
  }
  columns.add("active_days", "days", "days with an event", never_missing,
              [](const UserSummary& user) { return real(user.active_days); });
  columns.add("days_since_first", "days", "from the first event to the cut-off", no_events,
              [&scope](const UserSummary& user) {
                return user.num_events == 0 ? NAN : scope.days_before_cutoff(user.first_time);
              });
  columns.add("days_since_last", "days", "from the last event to the cut-off", no_events,
              [&scope](const UserSummary& user) {
                return user.num_events == 0 ? NAN : scope.days_before_cutoff(user.last_time);
              });
  columns.add("events_per_day", "1/day", "events over the days from that of the first to that of the cut-off",
              no_events, [&scope](const UserSummary& user) {
                return ratio(real(user.num_events), days_known(scope, user));
              });
}

void add_purchases(const LogScope& scope, Columns& columns) {
  if (!scope.acts.has(Act::purchase)) {
    const auto reason = fmt::format("the log has no events of the type {}", scope.config.purchase_type);
    for (const char* name :
         {"purchases", "days_since_purchase", "purchases_per_day", "monetary", "mean_price_paid"}) {
      columns.leave_out(name, reason);
    }
    return;
  }
  columns.add("purchases", "events", "purchases", never_missing,
              [](const UserSummary& user) { return real(user.purchases); });
  if (scope.has_times) {
    columns.add("days_since_purchase", "days", "from the last purchase to the cut-off (recency)",
                no_purchases, [&scope](const UserSummary& user) {
                  return user.purchases == 0 ? NAN : scope.days_before_cutoff(user.last_purchase_time);
                });
    columns.add(
        "purchases_per_day", "1/day",
        "purchases over the days from that of the first event to that of the cut-off (frequency)", no_events,
        [&scope](const UserSummary& user) { return ratio(real(user.purchases), days_known(scope, user)); });
  } else {
    columns.leave_out("days_since_purchase", no_times);
    columns.leave_out("purchases_per_day", no_times);
  }
  if (scope.has_prices) {
    columns.add("monetary", "currency", "price times pieces, bought less given back, of events with a price",
                never_missing, [](const UserSummary& user) { return user.spent; });
    columns.add("mean_price_paid", "currency", "mean price of purchases with a price",
                "no purchase has a price",
                [](const UserSummary& user) { return ratio(user.paid_prices, real(user.priced_purchases)); });
  } else {
    columns.leave_out("monetary", "no column is mapped to price");
    columns.leave_out("mean_price_paid", "no column is mapped to price");
  }
}

void add_sessions(const LogScope& scope, Columns& columns) {
  if (!scope.has_times) {
    for (const char* name :
         {"sessions", "events_per_session", "session_minutes", "views_per_session", "dwell_per_session"}) {
      columns.leave_out(name, no_times);
    }
    return;
  }
  const auto minutes = fmt::format("{}", scope.config.session_gap_minutes);
  columns.add("sessions", "sessions",
              fmt::format("runs of events without a pause of more than {} minutes", minutes), never_missing,
              [](const UserSummary& user) { return real(user.sessions); });
  columns.add("events_per_session", "events", "events a session", no_events,
              [](const UserSummary& user) { return ratio(real(user.num_events), real(user.sessions)); });
  columns.add(
      "session_minutes", "minutes", "mean time from the first to the last event of a session", no_events,
      [](const UserSummary& user) { return ratio(real(user.session_seconds) / 60, real(user.sessions)); });
  if (scope.acts.has(Act::view)) {
    columns.add("views_per_session", "events", "views a session (pages)", no_events,
                [](const UserSummary& user) { return ratio(real(user.views), real(user.sessions)); });
  } else {
    columns.leave_out("views_per_session",
                      fmt::format("the log has no events of the type {}", scope.config.view_type));
  }
  if (scope.has_dwells) {
    columns.add("dwell_per_session", "seconds", "sum of dwell a session", no_events,
                [](const UserSummary& user) { return ratio(user.dwell_seconds, real(user.sessions)); });
  } else {
    columns.leave_out("dwell_per_session", "no column is mapped to dwell");
  }
}

void add_conversion(const LogScope& scope, Columns& columns) {
  const auto add = [&](const std::string& name, Act from, Act to, Count UserSummary::*of,
                       Count UserSummary::*part, const std::string& doc, const std::string& missing) {
    if (!scope.acts.has(from) || !scope.acts.has(to)) {
      columns.leave_out(name, "the log has no events of one of the two types");
      return;
    }
    columns.add(name, "1", doc, missing,
                [=](const UserSummary& user) { return ratio(real(user.*part), real(user.*of)); });
  };
  add("view_to_cart", Act::view, Act::cart, &UserSummary::items_viewed, &UserSummary::carted_after_view,
      "share of the items viewed that were put into the cart then or later", "the user viewed no item");
  add("cart_to_purchase", Act::cart, Act::purchase, &UserSummary::items_carted,
      &UserSummary::bought_after_cart, "share of the items put into the cart that were bought then or later",
      "the user put no item into the cart");
  add("view_to_purchase", Act::view, Act::purchase, &UserSummary::items_viewed,
      &UserSummary::bought_after_view, "share of the items viewed that were bought then or later",
      "the user viewed no item");
}

void add_tastes(const LogScope& scope, Columns& columns) {
  if (scope.has_categories) {
    const auto missing = "no event is on an item with a category";
    columns.add("categories", "number", "categories of the items with an event", never_missing,
                [](const UserSummary& user) { return static_cast<double>(user.events_of_category.size()); });
    columns.add(
        "top_category", "number", "the category with most events, by position in categories/names", missing,
        [](const UserSummary& user) { return user.top_category < 0 ? NAN : real(user.top_category); });
    columns.add("top_category_share", "1", "its share of the events on items with a category", missing,
                [](const UserSummary& user) {
                  return ratio(real(user.top_category_events), real(user.categorized_events));
                });
    columns.add(
        "category_entropy", "bits", "entropy of the shares of the categories in the events", missing,
        [](const UserSummary& user) { return user.categorized_events == 0 ? NAN : user.category_entropy; });
  } else {
    const auto reason =
        fmt::format("the items of the data set have no attribute '{}'", scope.config.category_attribute);
    for (const char* name : {"categories", "top_category", "top_category_share", "category_entropy"}) {
      columns.leave_out(name, reason);
    }
  }
  if (!scope.has_prices) {
    columns.leave_out("mean_price", "no column is mapped to price");
    columns.leave_out("price_band_share", "no column is mapped to price");
    return;
  }
  columns.add("mean_price", "currency", "mean price of events with a price", "no event has a price",
              [](const UserSummary& user) { return ratio(user.all_prices, real(user.priced_events)); });
  columns.add_profile("price_band_share", scope.num_bands(), "1",
                      "share of the events on items of each price band, cheapest first",
                      "no event is on an item with a price band",
                      [](const UserSummary& user, std::span<float> out) {
                        fill_shares(user.events_of_band, user.banded_events, out);
                      });
}

void add_clock(const LogScope& scope, Columns& columns) {
  if (!scope.has_times) {
    columns.leave_out("hour_share", no_times);
    columns.leave_out("weekday_share", no_times);
    return;
  }
  columns.add_profile("hour_share", 24, "1", "share of the events in each hour of the day, from 0 o'clock",
                      no_events, [](const UserSummary& user, std::span<float> out) {
                        fill_shares(user.events_of_hour, user.num_events, out);
                      });
  columns.add_profile("weekday_share", 7, "1", "share of the events on each day of the week, from Monday",
                      no_events, [](const UserSummary& user, std::span<float> out) {
                        fill_shares(user.events_of_weekday, user.num_events, out);
                      });
}

void add_novelty(const LogScope& scope, Columns& columns) {
  columns.add("items", "items", "different items with an event", never_missing,
              [](const UserSummary& user) { return real(user.items); });
  columns.add("new_item_share", "1", "different items over events: 1 = never the same twice", no_events,
              [](const UserSummary& user) { return ratio(real(user.items), real(user.num_events)); });
  const auto missing = "no event is on an item of the data set";
  columns.add("novelty", "bits",
              "mean over the items of -log2(share of the log's users who have an event on the item)", missing,
              [](const UserSummary& user) { return ratio(user.novelty_bits, real(user.known_items)); });
  if (scope.has_times) {
    columns.add("item_age", "days", "mean over the events of the time since the first event of the item",
                missing, [](const UserSummary& user) {
                  return ratio(real(user.item_age_seconds) / day_seconds, real(user.events_of_known_items));
                });
  } else {
    columns.leave_out("item_age", no_times);
  }
}

}  // namespace

ColumnSet<UserSummary> user_columns(const LogScope& scope) {
  Columns columns;
  add_activity(scope, columns);
  add_purchases(scope, columns);
  add_sessions(scope, columns);
  add_conversion(scope, columns);
  add_tastes(scope, columns);
  add_clock(scope, columns);
  add_novelty(scope, columns);
  return columns;
}

}  // namespace pushcart::detail
