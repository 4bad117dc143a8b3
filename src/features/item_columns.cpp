#include "features/item_columns.hpp"

#include <fmt/core.h>

namespace pushcart::detail {

namespace {

using Columns = ColumnSet<ItemRow>;

constexpr const char* no_events = "the item has no event";

void add_popularity(const LogScope& scope, Columns& columns) {
  columns.add("events", "events", "events", never_missing,
              [](const ItemRow& item) { return item.sums.all_events(); });
  columns.add("users", "users", "users with an event", never_missing,
              [](const ItemRow& item) { return item.sums.count(ItemCount::users); });
  for (std::size_t type = 0; type < scope.types.size(); ++type) {
    columns.add("events_" + scope.types[type], "events", "events of the type " + scope.types[type],
                never_missing, [type](const ItemRow& item) { return item.sums.events(type); });
  }
  for (std::size_t w = 0; w < scope.num_windows(); ++w) {
    const auto days = fmt::format("{}", scope.config.window_days[w]);
    if (!scope.has_times) {
      columns.leave_out(fmt::format("events_{}d", days), "the log has no times");
      continue;
    }
    columns.add(fmt::format("events_{}d", days), "events", fmt::format("events of the last {} days", days),
                never_missing, [w](const ItemRow& item) { return item.sums.all_events(w); });
    for (std::size_t type = 0; type < scope.types.size(); ++type) {
      columns.add(fmt::format("events_{}_{}d", scope.types[type], days), "events",
                  fmt::format("events of the type {} of the last {} days", scope.types[type], days),
                  never_missing, [type, w](const ItemRow& item) { return item.sums.events(type, w); });
    }
  }
}

/// Events a day of the shortest window over those of the longest.
void add_trend(const LogScope& scope, Columns& columns) {
  const auto& days = scope.config.window_days;
  if (!scope.has_times || days.size() < 2) {
    columns.leave_out("trend", scope.has_times ? "--windows names one only" : "the log has no times");
    return;
  }
  const std::size_t longest = days.size() - 1;
  const double scale = days[longest] / days[0];
  const auto doc = [&](const std::string& what) {
    return fmt::format("{} a day of the last {} days over those of the last {} days", what, days[0],
                       days[longest]);
  };
  const auto missing = fmt::format("no such event in the last {} days", days[longest]);
  columns.add("trend", "1", doc("events"), missing, [=](const ItemRow& item) {
    return ratio(scale * static_cast<double>(item.sums.all_events(0)),
                 static_cast<double>(item.sums.all_events(longest)));
  });
  for (std::size_t type = 0; type < scope.types.size(); ++type) {
    columns.add("trend_" + scope.types[type], "1", doc("events of the type " + scope.types[type]), missing,
                [=](const ItemRow& item) {
                  return ratio(scale * static_cast<double>(item.sums.events(type, 0)),
                               static_cast<double>(item.sums.events(type, longest)));
                });
  }
}

void add_conversion(const LogScope& scope, Columns& columns) {
  const auto add = [&](const std::string& name, Act from, Act to, ItemCount of, ItemCount part,
                       const std::string& doc, const std::string& missing) {
    if (!scope.acts.has(from) || !scope.acts.has(to)) {
      columns.leave_out(name, "the log has no events of one of the two types");
      return;
    }
    columns.add(name, "1", doc, missing, [=](const ItemRow& item) {
      return ratio(static_cast<double>(item.sums.count(part)), static_cast<double>(item.sums.count(of)));
    });
  };
  add("view_to_cart", Act::view, Act::cart, ItemCount::viewers, ItemCount::carted_after_view,
      "share of the users who viewed it that put it into the cart then or later", "nobody viewed it");
  add("cart_to_purchase", Act::cart, Act::purchase, ItemCount::carters, ItemCount::bought_after_cart,
      "share of the users who put it into the cart that bought it then or later",
      "nobody put it into the cart");
  add("view_to_purchase", Act::view, Act::purchase, ItemCount::viewers, ItemCount::bought_after_view,
      "share of the users who viewed it that bought it then or later", "nobody viewed it");
}

void add_sales(const LogScope& scope, Columns& columns) {
  const bool sells = scope.acts.has(Act::purchase);
  const std::string no_sales =
      fmt::format("the log has no events of the type {}", scope.config.purchase_type);
  const std::string no_prices = "no column is mapped to price";
  if (sells) {
    columns.add("buyers", "users", "users with a purchase", never_missing,
                [](const ItemRow& item) { return item.sums.count(ItemCount::buyers); });
  } else {
    columns.leave_out("buyers", no_sales);
  }
  if (sells && (scope.has_quantities || scope.acts.has(Act::giving_back))) {
    columns.add("return_rate", "1", "pieces given back over pieces bought", "no piece was bought",
                [](const ItemRow& item) {
                  return ratio(item.sums.amount(ItemAmount::returned_pieces),
                               item.sums.amount(ItemAmount::bought_pieces));
                });
  } else {
    columns.leave_out("return_rate", sells ? "no event gives back" : no_sales);
  }
  if (sells && scope.has_prices) {
    columns.add("revenue", "currency", "price times pieces, bought less given back, of events with a price",
                never_missing, [](const ItemRow& item) { return item.sums.amount(ItemAmount::revenue); });
  } else {
    columns.leave_out("revenue", sells ? no_prices : no_sales);
  }
  if (!scope.has_prices) {
    columns.leave_out("price", no_prices);
    columns.leave_out("price_band", no_prices);
    return;
  }
  columns.add("price", "currency", "mean price of its events", "no event of the item has a price",
              [](const ItemRow& item) { return mean_price(item.sums); });
  columns.add("price_band", "number",
              fmt::format("which of {} bands with about as many items each the price is in, 0 = cheapest",
                          scope.config.price_bands),
              "no event of the item has a price",
              [](const ItemRow& item) { return item.price_band < 0 ? NAN : item.price_band; });
}

void add_age(const LogScope& scope, Columns& columns) {
  if (!scope.has_times) {
    columns.leave_out("age", "the log has no times");
    columns.leave_out("days_since_last", "the log has no times");
    return;
  }
  columns.add("age", "days", "from the first event to the cut-off", no_events, [&scope](const ItemRow& item) {
    return item.sums.all_events() == 0 ? NAN : scope.days_before_cutoff(item.sums.first_time);
  });
  columns.add("days_since_last", "days", "from the last event to the cut-off", no_events,
              [&scope](const ItemRow& item) {
                return item.sums.all_events() == 0 ? NAN : scope.days_before_cutoff(item.sums.last_time);
              });
}

void add_rest(const LogScope& scope, Columns& columns) {
  if (scope.has_dwells) {
    columns.add("dwell", "seconds", "mean dwell of its events with a dwell",
                "no event of the item has a dwell", [](const ItemRow& item) {
                  return ratio(item.sums.amount(ItemAmount::dwells),
                               static_cast<double>(item.sums.count(ItemCount::dwelled_events)));
                });
  } else {
    columns.leave_out("dwell", "no column is mapped to dwell");
  }
  if (scope.has_categories) {
    columns.add(
        "category", "number", "its category, by position in categories/names", "the item has no category",
        [](const ItemRow& item) { return item.category < 0 ? NAN : static_cast<double>(item.category); });
  } else {
    columns.leave_out("category", fmt::format("the items of the data set have no attribute '{}'",
                                              scope.config.category_attribute));
  }
}

}  // namespace

double mean_price(const ItemSummary& item) {
  return ratio(item.amount(ItemAmount::prices), static_cast<double>(item.count(ItemCount::priced_events)));
}

ColumnSet<ItemRow> item_columns(const LogScope& scope) {
  Columns columns;
  add_popularity(scope, columns);
  add_trend(scope, columns);
  add_conversion(scope, columns);
  add_sales(scope, columns);
  add_age(scope, columns);
  add_rest(scope, columns);
  return columns;
}

}  // namespace pushcart::detail
