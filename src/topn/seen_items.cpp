#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "pushcart/base/suggest.hpp"
#include "pushcart/topn/filters.hpp"

namespace pushcart {

namespace {

constexpr double seconds_per_day = 86400;

bool hides(const HideRule& rule, std::int64_t last_time, std::int64_t cutoff_time) {
  if (rule.hide != Hide::days) return rule.hide == Hide::always;
  return static_cast<double>(cutoff_time - last_time) <= rule.days * seconds_per_day;
}

/// The rule of each event column of the dataset.
std::vector<HideRule> rules_by_column(const Dataset& dataset, const SeenPolicy& policy) {
  std::vector<std::string> types;
  for (const EventColumn& column : dataset.events) types.push_back(column.type);
  std::vector<HideRule> rules(types.size(), policy.otherwise);
  for (const auto& [type, rule] : policy.by_type) {
    std::size_t column = 0;
    while (column < types.size() && types[column] != type) ++column;
    if (column == types.size()) {
      throw ConfigError(fmt::format("--seen {}=...: the dataset has no event type '{}'; did you mean '{}'?",
                                    type, type, nearest_word(type, types)));
    }
    rules[column] = rule;
  }
  bool in_days = policy.otherwise.hide == Hide::days;
  for (const HideRule& rule : rules) in_days = in_days || rule.hide == Hide::days;
  if (in_days && dataset.cutoff_time == 0) {
    throw ConfigError("--seen with a number of days: the dataset has no times; use always or never");
  }
  return rules;
}

/// One entry of by_user. A pair without an event of any type (a rating of 0, say) falls under the general
/// rule.
bool is_hidden(const Dataset& dataset, std::size_t entry, const std::vector<HideRule>& rules,
               const HideRule& otherwise) {
  bool has_event = false;
  for (std::size_t column = 0; column < rules.size(); ++column) {
    const EventColumn& events = dataset.events[column];
    if (events.strength[entry] == 0 && events.last_time[entry] == 0) continue;
    has_event = true;
    if (hides(rules[column], events.last_time[entry], dataset.cutoff_time)) return true;
  }
  return !has_event && hides(otherwise, dataset.last_time[entry], dataset.cutoff_time);
}

}  // namespace

HideRule parse_hide_rule(std::string_view text) {
  if (text == "always") return {Hide::always, 0};
  if (text == "never") return {Hide::never, 0};
  double days = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(days) || days < 0) {
    throw ConfigError(fmt::format("--seen {}: give always, never or a number of days", text));
  }
  return {Hide::days, days};
}

SparseRows seen_items(const Dataset& dataset, std::span<const Count> users, const SeenPolicy& policy) {
  const std::vector<HideRule> rules = rules_by_column(dataset, policy);
  SparseRows hidden;
  hidden.rows = {0, static_cast<Count>(users.size())};
  hidden.num_columns = dataset.num_items();
  const SparseRows& pairs = dataset.by_user;
  Count most = 0;
  for (const Count user : users) most += pairs.row_length(user - pairs.rows.begin);
  hidden.columns.reserve(static_cast<std::size_t>(most));
  for (Count user : users) {
    const auto row = static_cast<std::size_t>(user - pairs.rows.begin);
    for (auto entry = static_cast<std::size_t>(pairs.offsets[row]);
         entry < static_cast<std::size_t>(pairs.offsets[row + 1]); ++entry) {
      if (is_hidden(dataset, entry, rules, policy.otherwise)) hidden.columns.push_back(pairs.columns[entry]);
    }
    hidden.offsets.push_back(hidden.num_entries());
  }
  hidden.values.assign(hidden.columns.size(), 1.0F);
  return hidden;
}

}  // namespace pushcart
