#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "pushcart/base/days.hpp"
#include "pushcart/feed/page.hpp"

namespace pushcart {

namespace {

constexpr Count max_bins = 60;

void find_time_span(const Communicator& comm, const Dataset& dataset, DataSummary& summary) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (const EventColumn& column : dataset.events) {
    for (std::int64_t time : column.last_time) {
      if (time == 0) continue;
      first = std::min(first, time);
      last = std::max(last, time);
    }
  }
  first = comm.allreduce(first, Reduce::min);
  last = comm.allreduce(last, Reduce::max);
  if (first > last) return;
  summary.first_time = first;
  summary.last_time = last;
  const Count num_days = day_of(last) - day_of(first) + 1;
  summary.days_per_bin = (num_days + max_bins - 1) / max_bins;
}

void count_types(const Communicator& comm, const Dataset& dataset, DataSummary& summary) {
  const bool timed = summary.last_time != 0 || summary.first_time != 0;
  const Count first_day = day_of(summary.first_time);
  const Count num_bins = timed ? (day_of(summary.last_time) - first_day) / summary.days_per_bin + 1 : 0;
  for (const EventColumn& column : dataset.events) {
    std::vector<Count> bins(static_cast<std::size_t>(num_bins), 0);
    Count pairs = 0;
    for (float strength : column.strength) pairs += strength != 0 ? 1 : 0;
    for (std::int64_t time : column.last_time) {
      if (timed && time != 0)
        ++bins[static_cast<std::size_t>((day_of(time) - first_day) / summary.days_per_bin)];
    }
    comm.allreduce(std::span(bins), Reduce::sum);
    summary.types.push_back(column.type);
    summary.type_pairs.push_back(comm.sum(pairs));
    summary.bins.push_back(std::move(bins));
  }
}

/// Ranks 1, 2, 3 ... thinned to about 40 a power of ten.
std::vector<Count> log_spaced_ranks(Count num_items) {
  std::vector<Count> ranks;
  for (Count step = 0; num_items > 0; ++step) {
    const auto rank = static_cast<Count>(std::llround(std::pow(10.0, static_cast<double>(step) / 40)));
    if (rank >= num_items) break;
    if (ranks.empty() || rank > ranks.back()) ranks.push_back(rank);
  }
  if (num_items > 0) ranks.push_back(num_items);
  return ranks;
}

void measure_popularity(const Communicator& comm, const Dataset& dataset, DataSummary& summary) {
  const Range owned = dataset.items.range(comm.rank());
  summary.popularity_ranks = log_spaced_ranks(dataset.num_items());
  for (Count rank : summary.popularity_ranks) {
    const Count item = rank - 1;
    summary.popularity.push_back(owned.contains(item) ? dataset.by_item.row_length(item - owned.begin) : 0);
  }
  comm.allreduce(std::span(summary.popularity), Reduce::sum);
  const Count num_top = std::max<Count>(1, dataset.num_items() / 100);
  Count in_top = 0;
  for (Count item = owned.begin; item < std::min(owned.end, num_top); ++item) {
    in_top += dataset.by_item.row_length(item - owned.begin);
  }
  in_top = comm.sum(in_top);
  if (summary.num_interactions > 0) {
    summary.top_percent_share = static_cast<double>(in_top) / static_cast<double>(summary.num_interactions);
  }
}

}  // namespace

DataSummary gather_data_summary(const Communicator& comm, const Dataset& dataset) {
  DataSummary summary;
  summary.num_users = dataset.num_users();
  summary.num_items = dataset.num_items();
  summary.num_interactions = comm.sum(dataset.by_user.num_entries());
  find_time_span(comm, dataset, summary);
  count_types(comm, dataset, summary);
  measure_popularity(comm, dataset, summary);
  return summary;
}

void use_event_counts(DataSummary& summary, const nlohmann::ordered_json& events_by_day) {
  summary.counts_events = true;
  summary.first_time = events_by_day.at("first_time").get<std::int64_t>();
  summary.days_per_bin = events_by_day.at("days_per_bin").get<Count>();
  summary.types.clear();
  summary.type_pairs.clear();
  summary.bins.clear();
  for (const auto& [type, bins] : events_by_day.at("types").items()) {
    summary.types.push_back(type);
    summary.bins.push_back(bins.get<std::vector<Count>>());
    summary.type_pairs.push_back(std::accumulate(summary.bins.back().begin(), summary.bins.back().end(), Count{0}));
  }
}

}  // namespace pushcart
