#include "features/log_scope.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "features/category_columns.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/matrix/sessions.hpp"

namespace pushcart {

void check_config(const FeatureConfig& config) {
  const auto& windows = config.window_days;
  constexpr double longest_window = 36500;
  const auto is_window = [](double days) { return days > 0 && days <= longest_window; };
  if (windows.empty() || !std::all_of(windows.begin(), windows.end(), is_window) ||
      std::adjacent_find(windows.begin(), windows.end(), std::greater_equal<>()) != windows.end()) {
    throw ConfigError(
        "--windows: must be numbers of days above 0 and at most 36500, each larger than the one before");
  }
  session_gap_seconds(config.session_gap_minutes, "--session-gap-minutes");
  if (!(std::abs(config.utc_offset_hours) <= 14))
    throw ConfigError("--utc-offset-hours: must be in [-14, 14]");
  if (config.price_bands < 2 || config.price_bands > 100)
    throw ConfigError("--price-bands: must be in [2, 100]");
  if (config.top_terms < 1 || config.top_terms > 100) throw ConfigError("--top-terms: must be in [1, 100]");
  if (config.text.dimensions != 0) check_config(config.text);
  if (config.category_dimensions != 0) check_config(detail::category_vectors_config(config));
  const auto &view = config.view_type, &cart = config.cart_type, &purchase = config.purchase_type;
  if (view == cart || view == purchase || cart == purchase) {
    throw ConfigError("--view-type, --cart-type, --purchase-type: must be three different event types");
  }
}

}  // namespace pushcart

namespace pushcart::detail {

LogScope scope_of(const InteractionLog& log, const IngestConfig& ingest, const Dataset& dataset,
                  const FeatureConfig& config) {
  const auto maps = [&](Role role) {
    return ingest.format.columns.contains(role) || ingest.format.constants.contains(role);
  };
  LogScope scope(config, EventActs(log, ingest, config), log.types);
  scope.session_gap_seconds = session_gap_seconds(config.session_gap_minutes, "--session-gap-minutes");
  scope.has_times = log.cutoff_time != 0;
  scope.has_prices = maps(Role::price);
  scope.has_quantities = maps(Role::quantity);
  scope.has_dwells = maps(Role::dwell);
  scope.has_categories = has_item_attribute(dataset, config.category_attribute);
  if (scope.has_times) {
    scope.cutoff = config.cutoff.value_or(dataset.cutoff_time != 0 ? dataset.cutoff_time : log.cutoff_time);
  } else if (config.cutoff) {
    throw ConfigError("--cutoff: the log has no times");
  }
  for (const double days : config.window_days)
    scope.window_seconds.push_back(std::llround(days * day_seconds));
  scope.utc_offset_seconds = std::llround(config.utc_offset_hours * 3600);
  return scope;
}

Count drop_later_events(InteractionLog& log, const LogScope& scope) {
  if (!scope.has_times) return 0;
  std::size_t kept = 0;
  for (std::size_t user = 0; user + 1 < log.user_offsets.size(); ++user) {
    const auto first = static_cast<std::size_t>(log.user_offsets[user]);
    const auto end = static_cast<std::size_t>(log.user_offsets[user + 1]);
    log.user_offsets[user] = static_cast<Count>(kept);
    for (std::size_t e = first; e < end; ++e) {
      if (log.events[e].time > scope.cutoff) continue;
      log.events[kept] = log.events[e];
      log.details[kept++] = log.details[e];
    }
  }
  const std::size_t dropped = log.events.size() - kept;
  log.user_offsets.back() = static_cast<Count>(kept);
  log.events.resize(kept);
  log.details.resize(kept);
  return static_cast<Count>(dropped);
}

}  // namespace pushcart::detail
