#include "matrix/pair_sums.hpp"

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

void append(PairTable& table, PairTable&& part) {
  table.taken_back += part.taken_back;
  table.pairs.insert(table.pairs.end(), part.pairs.begin(), part.pairs.end());
  table.type_strength.insert(table.type_strength.end(), part.type_strength.begin(), part.type_strength.end());
  table.type_last_time.insert(table.type_last_time.end(), part.type_last_time.begin(),
                              part.type_last_time.end());
  part = {};
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
  constexpr Count users_per_part = 4096;
  const Count num_users = log.user_ids.size();
  const Count num_parts = (num_users + users_per_part - 1) / users_per_part;
  std::vector<PairTable> parts(static_cast<std::size_t>(num_parts));
  parallel_for(num_parts, [&](Count part) {
    PairSummer summer(log, config, columns, period);
    parts[static_cast<std::size_t>(part)] =
        summer.sum_users(part * users_per_part, std::min(num_users, (part + 1) * users_per_part));
  });
  PairTable table;
  table.num_columns = config.ratings == RatingsMode::off ? columns.size() : 0;
  for (auto& part : parts) append(table, std::move(part));
  return table;
}

}  // namespace pushcart::detail
