#pragma once

// Every formula of docs/features.md worked out from lists of rows, one user or item after another.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "features/random_behaviour.hpp"

namespace pushcart::test {

using Rows = std::vector<BehaviourRow>;
using Values = std::map<std::string, std::vector<double>>;  ///< by feature; NaN = missing

inline double share(double part, double whole) {
  return whole == 0 ? NAN : part / whole;
}

/// Rows of one user or item, or any others.
template <class Choose>
Rows chosen(const Rows& rows, Choose&& choose) {
  Rows result;
  for (const auto& row : rows) {
    if (choose(row)) result.push_back(row);
  }
  return result;
}

inline bool buys(const BehaviourRow& row) {
  return row.type == "purchase" && !(row.quantity < 0);
}
inline bool gives_back(const BehaviourRow& row) {
  return row.type == "return" || (row.type == "purchase" && row.quantity < 0);
}
inline double pieces(const BehaviourRow& row) {
  return std::isnan(row.quantity) ? 1 : std::abs(static_cast<double>(row.quantity));
}

struct FeatureReference {
  Rows rows;  ///< until the cut-off
  std::int64_t cutoff = 0;
  std::set<std::string> known_items;               ///< of the data set
  std::map<std::string, std::string> category_of;  ///< of known items
  std::map<std::string, double> category_number;
  double windows[3] = {1, 7, 30};
  std::int64_t gap_seconds = 1800, offset_seconds = 0;
  int num_bands = 5;

  std::int64_t day_of(std::int64_t time) const { return (time + offset_seconds) / 86400; }
  Rows in_window(const Rows& of, double days) const {
    return chosen(of, [&](const auto& row) {
      return static_cast<double>(row.time) > static_cast<double>(cutoff) - days * 86400;
    });
  }
  static std::set<std::string> items_in(const Rows& of) {
    std::set<std::string> items;
    for (const auto& row : of) items.insert(row.item);
    return items;
  }
  static std::set<std::string> users_in(const Rows& of) {
    std::set<std::string> users;
    for (const auto& row : of) users.insert(row.user);
    return users;
  }
  /// Whether among these rows one `second` is not before the first `first`.
  template <class First, class Second>
  static bool follows(const Rows& of, First&& first, Second&& second) {
    std::int64_t begin = std::numeric_limits<std::int64_t>::max();
    for (const auto& row : of) {
      if (first(row)) begin = std::min(begin, row.time);
    }
    return std::any_of(of.begin(), of.end(),
                       [&](const auto& row) { return second(row) && row.time >= begin; });
  }
  static double money(const Rows& of) {
    double sum = 0;
    for (const auto& row : of) {
      if (std::isnan(row.price)) continue;
      if (buys(row)) sum += static_cast<double>(row.price) * pieces(row);
      if (gives_back(row)) sum -= static_cast<double>(row.price) * pieces(row);
    }
    return sum;
  }
  template <class Number>
  static double mean(const Rows& of, Number&& number) {
    double sum = 0, count = 0;
    for (const auto& row : of) {
      if (std::isnan(number(row))) continue;
      sum += static_cast<double>(number(row));
      ++count;
    }
    return share(sum, count);
  }
  static double price_of(const Rows& of) {
    return mean(of, [](const auto& row) { return row.price; });
  }

  /// Share of the groups (rows of one user and item each) with a `first` in which a `second` follows.
  template <class First, class Second>
  static double conversion(const std::vector<Rows>& groups, First&& first, Second&& second) {
    double whole = 0, part = 0;
    for (const auto& group : groups) {
      if (std::none_of(group.begin(), group.end(), first)) continue;
      ++whole;
      part += follows(group, first, second);
    }
    return share(part, whole);
  }
  static void add_conversions(const std::vector<Rows>& groups, Values& values) {
    const auto views = [](const auto& row) { return row.type == "view"; };
    const auto carts = [](const auto& row) { return row.type == "cart"; };
    const auto purchases = [](const auto& row) { return buys(row); };
    values["view_to_cart"].push_back(conversion(groups, views, carts));
    values["cart_to_purchase"].push_back(conversion(groups, carts, purchases));
    values["view_to_purchase"].push_back(conversion(groups, views, purchases));
  }

  /// Band of each known item that has a price.
  std::map<std::string, int> bands() const {
    std::vector<float> prices;
    std::map<std::string, float> price_of_item;
    for (const auto& item : known_items) {
      const double price = price_of(chosen(rows, [&](const auto& row) { return row.item == item; }));
      if (std::isnan(price)) continue;
      prices.push_back(static_cast<float>(price));
      price_of_item[item] = prices.back();
    }
    std::sort(prices.begin(), prices.end());
    std::map<std::string, int> result;
    for (const auto& [item, price] : price_of_item) {
      for (int band = 1; band < num_bands; ++band) {
        const auto rank = static_cast<std::size_t>(
            std::ceil(static_cast<double>(band) / num_bands * static_cast<double>(prices.size())));
        result[item] += price > prices[rank - 1];
      }
    }
    return result;
  }

  Values of_items(const std::vector<std::string>& items) const {
    Values values;
    const auto band_of = bands();
    for (const auto& item : items) {
      const auto mine = chosen(rows, [&](const auto& row) { return row.item == item; });
      const auto add = [&](const std::string& name, double value) { values[name].push_back(value); };
      add("events", static_cast<double>(mine.size()));
      add("users", static_cast<double>(users_in(mine).size()));
      for (const double days : windows) {
        add(fmt::format("events_{}d", days), static_cast<double>(in_window(mine, days).size()));
      }
      add("trend", share(30 * static_cast<double>(in_window(mine, 1).size()),
                         static_cast<double>(in_window(mine, 30).size())));
      for (const std::string type : {"view", "cart", "purchase", "return"}) {
        const auto typed = chosen(mine, [&](const auto& row) { return row.type == type; });
        add("events_" + type, static_cast<double>(typed.size()));
        for (const double days : windows) {
          add(fmt::format("events_{}_{}d", type, days), static_cast<double>(in_window(typed, days).size()));
        }
        add("trend_" + type, share(30 * static_cast<double>(in_window(typed, 1).size()),
                                   static_cast<double>(in_window(typed, 30).size())));
      }
      std::vector<Rows> by_user;
      for (const auto& user : users_in(mine)) {
        by_user.push_back(chosen(mine, [&](const auto& row) { return row.user == user; }));
      }
      add_conversions(by_user, values);
      const auto bought = chosen(mine, [](const auto& row) { return buys(row); });
      const auto returned = chosen(mine, [](const auto& row) { return gives_back(row); });
      double pieces_bought = 0, pieces_returned = 0;
      for (const auto& row : bought) pieces_bought += pieces(row);
      for (const auto& row : returned) pieces_returned += pieces(row);
      add("buyers", static_cast<double>(users_in(bought).size()));
      add("return_rate", share(pieces_returned, pieces_bought));
      add("revenue", money(mine));
      add("price", price_of(mine));
      add("price_band", band_of.contains(item) ? band_of.at(item) : NAN);
      std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = 0;
      for (const auto& row : mine) {
        first = std::min(first, row.time);
        last = std::max(last, row.time);
      }
      add("age", static_cast<double>(cutoff - first) / 86400);
      add("days_since_last", static_cast<double>(cutoff - last) / 86400);
      add("dwell", mean(mine, [](const auto& row) { return row.dwell; }));
      const auto category = category_of.find(item);
      add("category", category == category_of.end() ? NAN : category_number.at(category->second));
    }
    return values;
  }

  Values of_users(const std::vector<std::string>& users) const {
    Values values;
    const auto band_of = bands();
    const auto log_users = static_cast<double>(users_in(rows).size());
    for (const auto& user : users) {
      auto mine = chosen(rows, [&](const auto& row) { return row.user == user; });
      std::stable_sort(mine.begin(), mine.end(),
                       [](const auto& a, const auto& b) { return a.time < b.time; });
      const auto count = [&](const auto& choose) { return static_cast<double>(chosen(mine, choose).size()); };
      const auto add = [&](const std::string& name, double value) { values[name].push_back(value); };
      const auto num_events = static_cast<double>(mine.size());
      add("events", num_events);
      for (const std::string type : {"view", "cart", "purchase", "return"}) {
        add("events_" + type, count([&](const auto& row) { return row.type == type; }));
      }
      for (const double days : windows) {
        add(fmt::format("events_{}d", days), static_cast<double>(in_window(mine, days).size()));
      }
      std::set<std::int64_t> days;
      for (const auto& row : mine) days.insert(day_of(row.time));
      add("active_days", static_cast<double>(days.size()));
      const double known_days = static_cast<double>(day_of(cutoff) - *days.begin() + 1);
      add("days_since_first", static_cast<double>(cutoff - mine.front().time) / 86400);
      add("days_since_last", static_cast<double>(cutoff - mine.back().time) / 86400);
      add("events_per_day", num_events / known_days);

      const auto bought = chosen(mine, [](const auto& row) { return buys(row); });
      add("purchases", static_cast<double>(bought.size()));
      add("days_since_purchase",
          bought.empty() ? NAN : static_cast<double>(cutoff - bought.back().time) / 86400);
      add("purchases_per_day", static_cast<double>(bought.size()) / known_days);
      add("monetary", money(mine));
      add("mean_price_paid", price_of(bought));
      add("mean_price", price_of(mine));

      double sessions = 1, session_seconds = 0;
      for (std::size_t e = 1; e < mine.size(); ++e) {
        const auto pause = mine[e].time - mine[e - 1].time;
        if (pause > gap_seconds)
          ++sessions;
        else
          session_seconds += static_cast<double>(pause);
      }
      double dwell = 0;
      for (const auto& row : mine) dwell += std::isnan(row.dwell) ? 0 : static_cast<double>(row.dwell);
      add("sessions", sessions);
      add("events_per_session", num_events / sessions);
      add("session_minutes", session_seconds / 60 / sessions);
      add("views_per_session", count([](const auto& row) { return row.type == "view"; }) / sessions);
      add("dwell_per_session", dwell / sessions);

      std::vector<Rows> by_item;
      for (const auto& item : items_in(mine)) {
        by_item.push_back(chosen(mine, [&](const auto& row) { return row.item == item; }));
      }
      add_conversions(by_item, values);
      add("items", static_cast<double>(by_item.size()));
      add("new_item_share", static_cast<double>(by_item.size()) / num_events);
      add_novelty(mine, by_item, log_users, values);
      add_tastes(mine, band_of, values);

      std::set<std::string> queries;
      for (const auto& row : mine) queries.insert(row.query);
      queries.erase("");
      const double searches = count([](const auto& row) { return !row.query.empty(); });
      add("searches", searches);
      add("queries", static_cast<double>(queries.size()));
      add("searches_per_session", searches / sessions);
    }
    return values;
  }

  void add_novelty(const Rows& mine, const std::vector<Rows>& by_item, double log_users,
                   Values& values) const {
    double bits = 0, known = 0, age = 0, known_events = 0;
    for (const auto& of_pair : by_item) {
      const auto& item = of_pair.front().item;
      if (!known_items.contains(item)) continue;
      const auto of_item = chosen(rows, [&](const auto& row) { return row.item == item; });
      std::int64_t first = of_item.front().time;
      for (const auto& row : of_item) first = std::min(first, row.time);
      ++known;
      bits -= std::log2(static_cast<double>(users_in(of_item).size()) / log_users);
      for (const auto& row : of_pair) age += static_cast<double>(row.time - first) / 86400;
      known_events += static_cast<double>(of_pair.size());
    }
    values["novelty"].push_back(share(bits, known));
    values["item_age"].push_back(share(age, known_events));
    static_cast<void>(mine);
  }

  void add_tastes(const Rows& mine, const std::map<std::string, int>& band_of, Values& values) const {
    std::map<double, double> categories;  // by number
    std::vector<double> bands_seen(static_cast<std::size_t>(num_bands), 0), hours(24, 0), weekdays(7, 0);
    double categorized = 0, banded = 0;
    for (const auto& row : mine) {
      const auto category = category_of.find(row.item);
      if (category != category_of.end()) {
        ++categories[category_number.at(category->second)];
        ++categorized;
      }
      const auto band = band_of.find(row.item);
      if (band != band_of.end()) {
        ++bands_seen[static_cast<std::size_t>(band->second)];
        ++banded;
      }
      const auto local = row.time + offset_seconds;
      ++hours[static_cast<std::size_t>(local / 3600 % 24)];
      ++weekdays[static_cast<std::size_t>((local / 86400 + 3) % 7)];  // 1970-01-01 was a Thursday
    }
    double top = NAN, top_events = 0, entropy = 0;
    for (const auto& [number, events] : categories) {
      entropy -= events / categorized * std::log2(events / categorized);
      if (events <= top_events) continue;
      top = number;
      top_events = events;
    }
    values["categories"].push_back(static_cast<double>(categories.size()));
    values["top_category"].push_back(top);
    values["top_category_share"].push_back(share(top_events, categorized));
    values["category_entropy"].push_back(categorized == 0 ? NAN : entropy);
    const auto add_shares = [&](const std::string& name, const std::vector<double>& counts, double whole) {
      for (const double events : counts) values[name].push_back(share(events, whole));
    };
    add_shares("price_band_share", bands_seen, banded);
    add_shares("hour_share", hours, static_cast<double>(mine.size()));
    add_shares("weekday_share", weekdays, static_cast<double>(mine.size()));
  }
};

}  // namespace pushcart::test
