#include "ingest/sort_log.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

LogEvent event_of(const StoredRow& row, const std::vector<std::uint16_t>& type_numbers) {
  return {row.user, row.item, row.item_owner, type_numbers[row.type], row.amount, row.time};
}

/// What a round of the exchange brought: for each source its events in input order.
using Rounds = std::vector<Received<LogEvent>>;

Rounds exchange(const Communicator& comm, std::vector<RowBatch>& batches, FaultMask enabled,
              const std::vector<std::uint16_t>& type_numbers) {
  const auto num_ranks = static_cast<std::size_t>(comm.size());
  Rounds received;
  const Count rounds = comm.allreduce(static_cast<Count>(batches.size()), Reduce::max);
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    std::vector<Count> counts(num_ranks, 0);
    std::vector<LogEvent> packed;
    if (round < batches.size()) {
      auto& rows = batches[round].rows;
      for (const auto& row : rows) counts[row.user_owner] += (row.faults & enabled) == 0;
      std::vector<Count> next(num_ranks);
      std::exclusive_scan(counts.begin(), counts.end(), next.begin(), Count{0});
      packed.resize(static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Count{0})));
      for (const auto& row : rows) {
        if ((row.faults & enabled) != 0) continue;
        packed[static_cast<std::size_t>(next[row.user_owner]++)] = event_of(row, type_numbers);
      }
      rows = {};
    }
    received.push_back(comm.alltoallv(std::span<const LogEvent>(packed), std::span<const Count>(counts)));
  }
  return received;
}

/// Calls use(event) for all events in input order: by source, and what a source sent by round.
template <class Use>
void visit_events(const Rounds& rounds, const Use& use) {
  if (rounds.empty()) return;
  std::vector<Count> next(rounds.size(), 0);
  for (std::size_t source = 0; source < rounds.front().counts.size(); ++source) {
    for (std::size_t round = 0; round < rounds.size(); ++round) {
      const auto* event = rounds[round].data.data() + next[round];
      next[round] += rounds[round].counts[source];
      for (const auto* const end = rounds[round].data.data() + next[round]; event != end; ++event) use(*event);
    }
  }
}
/// On one rank the rows themselves are the events that came here.
struct KeptRows {
  const std::vector<RowBatch>& batches;
  FaultMask enabled;
  const std::vector<std::uint16_t>& type_numbers;
};
template <class Use>
void visit_events(const KeptRows& kept, const Use& use) {
  for (const auto& batch : kept.batches) {
    for (const auto& row : batch.rows) {
      if ((row.faults & kept.enabled) == 0) use(event_of(row, kept.type_numbers));
    }
  }
}

template <class Source>
void sort_by_user(const Source& source, InteractionLog& log) {
  std::vector<Count> next(static_cast<std::size_t>(log.user_ids.size()) + 1, 0);
  visit_events(source, [&](const LogEvent& event) { ++next[std::size_t{event.user} + 1]; });
  std::partial_sum(next.begin(), next.end(), next.begin());
  log.user_offsets = next;
  log.events.resize(static_cast<std::size_t>(next.back()));
  visit_events(source, [&](const LogEvent& event) {
    log.events[static_cast<std::size_t>(next[event.user]++)] = event;
  });
}

/// Stable sort of one user's events by item and time.
void sort_events_of_user(std::span<LogEvent> events) {
  const auto before = [](const LogEvent& a, const LogEvent& b) {
    return a.item_key() != b.item_key() ? a.item_key() < b.item_key() : a.time < b.time;
  };
  constexpr std::size_t few = 24;
  if (events.size() > few) {
    std::stable_sort(events.begin(), events.end(), before);
    return;
  }
  for (std::size_t i = 1; i < events.size(); ++i) {
    const LogEvent moving = events[i];
    std::size_t at = i;
    for (; at > 0 && before(moving, events[at - 1]); --at) events[at] = events[at - 1];
    events[at] = moving;
  }
}

}  // namespace

void collect_events(const Communicator& comm, std::vector<RowBatch>& batches, FaultMask enabled,
                    const std::vector<std::uint16_t>& type_numbers, InteractionLog& log) {
  Rounds rounds;
  if (comm.size() > 1) rounds = exchange(comm, batches, enabled, type_numbers);
  collectively(comm, "sort events", [&] {
    if (comm.size() > 1) {
      sort_by_user(rounds, log);
    } else {
      sort_by_user(KeptRows{batches, enabled, type_numbers}, log);
    }
    rounds = {};
    batches = {};
    constexpr Count users_per_task = 1024;
    const Count num_users = log.user_ids.size();
    parallel_for((num_users + users_per_task - 1) / users_per_task, [&](Count task) {
      for (Count u = task * users_per_task; u < std::min(num_users, (task + 1) * users_per_task); ++u) {
        const Count begin = log.user_offsets[static_cast<std::size_t>(u)];
        const Count end = log.user_offsets[static_cast<std::size_t>(u) + 1];
        sort_events_of_user(
            std::span(log.events)
                .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
      }
    });
  });
}

void collect_searches(const Communicator& comm, const std::vector<RowBatch>& batches, FaultMask enabled,
                      InteractionLog& log) {
  const Count rounds = comm.allreduce(static_cast<Count>(batches.size()), Reduce::max);
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    std::vector<std::vector<SearchEvent>> by_rank(static_cast<std::size_t>(comm.size()));
    if (round < batches.size()) {
      for (const auto& [position, query] : batches[round].queries) {
        const StoredRow& row = batches[round].rows[position];
        if ((row.faults & enabled) != 0) continue;
        by_rank[row.user_owner].push_back({row.user, {row.item, row.item_owner}, query, row.time});
      }
    }
    std::vector<Count> counts;
    std::vector<SearchEvent> packed;
    for (const auto& part : by_rank) {
      counts.push_back(static_cast<Count>(part.size()));
      packed.insert(packed.end(), part.begin(), part.end());
    }
    const auto got =
        comm.alltoallv(std::span<const SearchEvent>(packed), std::span<const Count>(counts)).data;
    log.searches.insert(log.searches.end(), got.begin(), got.end());
  }
}

}  // namespace pushcart::detail
