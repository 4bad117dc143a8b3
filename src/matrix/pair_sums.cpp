#include "matrix/pair_sums.hpp"

#include <omp.h>
#include <algorithm>

#include <set>
#include <span>

#include "pushcart/base/parallel.hpp"
#include "pushcart/ingest/strength_rules.hpp"

namespace pushcart::detail {

namespace {

class PairSummer {
 public:
  PairSummer(const InteractionLog& log, const IngestConfig& config, const std::vector<std::string>& columns,
             const SumPeriod& period)
      : log_(log), ratings_(config.ratings), strength_(config), period_(period) {
    if (ratings_ == RatingsMode::off) num_columns_ = columns.size();
    column_rules_.resize(columns.size());
    for (const auto& type : log.types) {
      const auto rule = strength_.of_type(type);
      const auto found = std::lower_bound(columns.begin(), columns.end(), rule.column);
      types_.push_back(static_cast<std::size_t>(found - columns.begin()));
      column_rules_[types_.back()] = rule.rule;
    }
  }

  /// Sums the events of users [begin, end).
  PairTable sum_users(Count begin, Count end) {
    PairTable table;
    table.num_columns = num_columns_;
    reserve(begin, end, table);
    for (Count user = begin; user < end; ++user) {
      const auto first = log_.user_offsets[static_cast<std::size_t>(user)];
      const auto last = log_.user_offsets[static_cast<std::size_t>(user) + 1];
      const auto events =
          std::span(log_.events)
              .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
      for (std::size_t from = 0; from < events.size();) {
        std::size_t to = from + 1;
        while (to < events.size() && events[to].item_key() == events[from].item_key()) ++to;
        sum_pair(events.subspan(from, to - from), table);
        from = to;
      }
    }
    return table;
  }

 private:
  /// Room for as many pairs as there can be, so that large tables need not move.
  void reserve(Count begin, Count end, PairTable& table) const {
    std::size_t most = 0;
    for (Count e = log_.user_offsets[static_cast<std::size_t>(begin)];
         e < log_.user_offsets[static_cast<std::size_t>(end)]; ++e) {
      const auto at = static_cast<std::size_t>(e);
      const auto& events = log_.events;
      most += e == 0 || events[at].item_key() != events[at - 1].item_key() ||
              events[at].user != events[at - 1].user;
    }
    table.pairs.reserve(most);
    table.type_strength.reserve(most * num_columns_);
    table.type_last_time.reserve(most * num_columns_);
  }

  void sum_pair(std::span<const LogEvent> events, PairTable& table) {
    // Events are in order of time, so the period is a run of them.
    while (!events.empty() && events.front().time <= period_.after) events = events.subspan(1);
    while (!events.empty() && events.back().time > period_.until) events = events.first(events.size() - 1);
    if (events.empty()) return;
    PairTable::Pair pair{events.front().user, events.front().item(), 0, 0};
    if (ratings_ != RatingsMode::off) {
      pair.value = rating_of(events);
      pair.last_time = events.back().time;
      table.pairs.push_back(pair);
      return;
    }
    sums_.assign(num_columns_, 0);
    last_times_.assign(num_columns_, 0);
    for (const LogEvent& event : in_order(events)) add(event);
    double total = 0;
    for (std::size_t c = 0; c < num_columns_; ++c) {
      sums_[c] = StrengthRules::saturated(column_rules_[c], sums_[c]);
      if (sums_[c] <= 0) last_times_[c] = 0;
      pair.last_time = std::max(pair.last_time, last_times_[c]);
      total += sums_[c];
    }
    pair.value = static_cast<float>(total);
    if (!(pair.value > 0)) {
      ++table.taken_back;
      return;
    }
    table.pairs.push_back(pair);
    for (const double sum : sums_) table.type_strength.push_back(static_cast<float>(sum));
    table.type_last_time.insert(table.type_last_time.end(), last_times_.begin(), last_times_.end());
  }

  void add(const LogEvent& event) {
    const std::size_t column = types_[event.type];
    const double decay = period_.decays ? strength_.decay(event.time, period_.decay_anchor) : 1.0;
    sums_[column] += static_cast<double>(event.amount) * decay;
    if (event.amount > 0) last_times_[column] = std::max(last_times_[column], event.time);
  }

  /// By time, then amount: an order that the input's order does not enter.
  std::span<const LogEvent> in_order(std::span<const LogEvent> events) {
    if (events.size() == 1) return events;
    sorted_.assign(events.begin(), events.end());
    std::sort(sorted_.begin(), sorted_.end(), [](const LogEvent& a, const LogEvent& b) {
      return a.time != b.time ? a.time < b.time : a.amount < b.amount;
    });
    return sorted_;
  }

  float rating_of(std::span<const LogEvent> events) {
    if (ratings_ == RatingsMode::last || events.size() == 1) return events.back().amount;
    double sum = 0;
    for (const LogEvent& event : in_order(events)) sum += static_cast<double>(event.amount);
    return static_cast<float>(sum / static_cast<double>(events.size()));
  }

  const InteractionLog& log_;
  RatingsMode ratings_;
  StrengthRules strength_;
  SumPeriod period_;
  std::size_t num_columns_ = 0;
  std::vector<std::size_t> types_;  // column of each event type of the log
  std::vector<EventRule> column_rules_;
  std::vector<double> sums_;
  std::vector<std::int64_t> last_times_;
  std::vector<LogEvent> sorted_;
};

/// Puts the rows of all parts behind those of the first.
PairTable joined(std::vector<PairTable> parts) {
  PairTable table = std::move(parts.front());
  for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
    table.taken_back += part->taken_back;
    table.pairs.insert(table.pairs.end(), part->pairs.begin(), part->pairs.end());
    table.type_strength.insert(table.type_strength.end(), part->type_strength.begin(),
                               part->type_strength.end());
    table.type_last_time.insert(table.type_last_time.end(), part->type_last_time.begin(),
                                part->type_last_time.end());
    *part = {};
  }
  return table;
}

/// Cuts the users into runs with about as many events each; n + 1 cuts.
std::vector<Count> even_cuts(const std::vector<Count>& user_offsets, Count num_parts) {
  std::vector<Count> cuts;
  for (Count part = 0; part <= num_parts; ++part) {
    const auto at =
        std::lower_bound(user_offsets.begin(), user_offsets.end(), user_offsets.back() * part / num_parts);
    cuts.push_back(part == num_parts ? static_cast<Count>(user_offsets.size()) - 1
                                     : at - user_offsets.begin());
  }
  return cuts;
}

}  // namespace

void PairTable::keep(const std::vector<std::uint8_t>& flags) {
  std::size_t kept = 0;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    if (!flags[p]) continue;
    pairs[kept] = pairs[p];
    for (std::size_t c = 0; c < num_columns; ++c) {
      type_strength[kept * num_columns + c] = type_strength[p * num_columns + c];
      type_last_time[kept * num_columns + c] = type_last_time[p * num_columns + c];
    }
    ++kept;
  }
  pairs.resize(kept);
  type_strength.resize(kept * num_columns);
  type_last_time.resize(kept * num_columns);
}

std::vector<std::string> strength_columns(const InteractionLog& log, const IngestConfig& config) {
  const StrengthRules strength(config);
  std::set<std::string> columns;
  for (const auto& type : log.types) columns.insert(strength.of_type(type).column);
  return {columns.begin(), columns.end()};
}

PairTable sum_pairs(const InteractionLog& log, const IngestConfig& config,
                    const std::vector<std::string>& columns, const SumPeriod& period) {
  const auto num_parts = static_cast<Count>(omp_get_max_threads());
  const auto cuts = even_cuts(log.user_offsets, num_parts);
  std::vector<PairTable> parts(static_cast<std::size_t>(num_parts));
  parallel_for(num_parts, [&](Count part) {
    const auto at = static_cast<std::size_t>(part);
    parts[at] = PairSummer(log, config, columns, period).sum_users(cuts[at], cuts[at + 1]);
  });
  return joined(std::move(parts));
}

}  // namespace pushcart::detail
