#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ingest/dirty_log.hpp"

namespace pushcart::test {

/// A pair as worked out from its rows one after another.
struct ReferencePair {
  double value = 0;
  std::int64_t last_time = 0;
  std::map<std::string, std::pair<double, std::int64_t>> types;  ///< strength and last time
};
using Pairs = std::map<std::pair<std::string, std::string>, ReferencePair>;  // user, item

struct Period {
  std::int64_t after = std::numeric_limits<std::int64_t>::min();
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
  bool decays = true;
};

/// Sums rows to pairs by plain maps. Knows the types of dirty_log.hpp: "return" takes back purchases.
inline Pairs pairs_by_hand(const std::vector<const DirtyRow*>& rows, const IngestConfig& config,
                           const Period& period = {}) {
  std::int64_t anchor = std::numeric_limits<std::int64_t>::min();
  for (const auto* row : rows) anchor = std::max(anchor, row->time);
  if (period.until != std::numeric_limits<std::int64_t>::max()) anchor = period.until;
  const auto rule_of = [&](const std::string& type) {
    const auto found = config.events.find(type);
    return found == config.events.end() ? config.default_event : found->second;
  };
  struct Term {
    std::int64_t time;
    float amount;
    auto operator<=>(const Term&) const = default;
  };
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::vector<Term>>> terms;
  for (const auto* row : rows) {
    if (row->time <= period.after || row->time > period.until) continue;
    const std::string type = row->type == "return" ? "purchase" : row->type;
    const auto rule = rule_of(type);
    double amount = rule.weight;
    if (rule.quantity == QuantityScale::linear) amount *= std::abs(row->quantity);
    if (rule.quantity == QuantityScale::log1p) amount *= std::log1p(std::abs(row->quantity));
    if (row->type == "return" || row->quantity < 0) amount = -amount;
    terms[{row->user, row->item}][type].push_back({row->time, static_cast<float>(amount)});
  }
  Pairs pairs;
  for (auto& [key, by_type] : terms) {
    ReferencePair pair;
    for (auto& [type, of_type] : by_type) {
      std::sort(of_type.begin(), of_type.end());
      double sum = 0;
      std::int64_t last = 0;
      for (const auto& term : of_type) {
        const double age = static_cast<double>(term.time - anchor) / (config.half_life_days * 86400);
        sum += static_cast<double>(term.amount) *
               (period.decays && config.half_life_days > 0 ? std::exp2(age) : 1);
        if (term.amount > 0) last = std::max(last, term.time);
      }
      const auto rule = rule_of(type);
      if (sum <= 0) continue;
      if (rule.cap == Cap::log1p) sum = std::log1p(sum);
      if (rule.cap == Cap::min) sum = std::min(sum, rule.cap_value);
      pair.types[type] = {sum, last};
      pair.value += sum;
      pair.last_time = std::max(pair.last_time, last);
    }
    if (pair.value > 0) pairs[key] = pair;
  }
  return pairs;
}

/// Drops users and items one by one until all have enough pairs.
inline Pairs core_by_hand(Pairs pairs, Count min_users, Count min_items) {
  for (bool changed = true; changed;) {
    changed = false;
    std::map<std::string, Count> users, items;
    for (const auto& [key, pair] : pairs) {
      ++users[key.first];
      ++items[key.second];
    }
    for (const auto& [key, pair] : pairs) {
      if (users[key.first] >= min_users && items[key.second] >= min_items) continue;
      pairs.erase(key);
      changed = true;
      break;
    }
  }
  return pairs;
}

/// Ids by (number of pairs descending, bytes ascending).
inline std::vector<std::string> numbered_by_hand(const Pairs& pairs, bool users) {
  std::map<std::string, Count> counts;
  for (const auto& [key, pair] : pairs) ++counts[users ? key.first : key.second];
  std::vector<std::pair<Count, std::string>> sorted;
  for (const auto& [id, count] : counts) sorted.emplace_back(-count, id);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> ids;
  for (const auto& [count, id] : sorted) ids.push_back(id);
  return ids;
}

}  // namespace pushcart::test
