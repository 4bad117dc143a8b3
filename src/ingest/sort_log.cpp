#include "ingest/sort_log.hpp"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// An event on its way with what else it says, where that is kept.
struct DetailedEvent {
  LogEvent event;
  EventDetails details;
};

const LogEvent& event_in(const LogEvent& record) {
  return record;
}
const LogEvent& event_in(const DetailedEvent& record) {
  return record.event;
}

/// The rows of this rank that no enabled check drops, as events.
struct KeptRows {
  const std::vector<RowBatch>& batches;
  FaultMask enabled;
  const std::vector<std::uint16_t>& type_numbers;

  bool holds(const StoredRow& row) const { return (row.faults & enabled) == 0; }
  template <class Record>
  Record record(const RowBatch& batch, std::size_t r) const {
    const StoredRow& row = batch.rows[r];
    const LogEvent event{row.user, row.item, row.item_owner, type_numbers[row.type], row.amount, row.time};
    if constexpr (std::is_same_v<Record, DetailedEvent>) {
      return {event, {batch.quantities[r], batch.prices[r], batch.dwells[r]}};
    } else {
      return event;
    }
  }
};

/// What a round of the exchange brought: for each source its events in input order.
template <class Record>
using Rounds = std::vector<Received<Record>>;

/// Frees the rows.
template <class Record>
Rounds<Record> exchange(const Communicator& comm, std::vector<RowBatch>& batches, const KeptRows& kept) {
  const auto num_ranks = static_cast<std::size_t>(comm.size());
  Rounds<Record> received;
  const Count rounds = comm.allreduce(static_cast<Count>(batches.size()), Reduce::max);
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    std::vector<Count> counts(num_ranks, 0);
    std::vector<Record> packed;
    if (round < batches.size()) {
      RowBatch& batch = batches[round];
      for (const auto& row : batch.rows) counts[row.user_owner] += kept.holds(row);
      std::vector<Count> next(num_ranks);
      std::exclusive_scan(counts.begin(), counts.end(), next.begin(), Count{0});
      packed.resize(static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Count{0})));
      for (std::size_t r = 0; r < batch.rows.size(); ++r) {
        if (!kept.holds(batch.rows[r])) continue;
        packed[static_cast<std::size_t>(next[batch.rows[r].user_owner]++)] = kept.record<Record>(batch, r);
      }
      batch = {};
    }
    received.push_back(comm.alltoallv(std::span<const Record>(packed), std::span<const Count>(counts)));
  }
  return received;
}

/// Calls use(record) for all events in input order: by source, and what a source sent by round.
template <class Record, class Use>
void visit_events(const Rounds<Record>& rounds, const Use& use) {
  if (rounds.empty()) return;
  std::vector<Count> next(rounds.size(), 0);
  for (std::size_t source = 0; source < rounds.front().counts.size(); ++source) {
    for (std::size_t round = 0; round < rounds.size(); ++round) {
      const auto* record = rounds[round].data.data() + next[round];
      next[round] += rounds[round].counts[source];
      for (const auto* const end = rounds[round].data.data() + next[round]; record != end; ++record)
        use(*record);
    }
  }
}
/// On one rank the rows themselves are the events that came here.
template <class Record, class Use>
void visit_events(const KeptRows& kept, const Use& use) {
  for (const auto& batch : kept.batches) {
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
      if (kept.holds(batch.rows[r])) use(kept.record<Record>(batch, r));
    }
  }
}

/// In order of users, of each in input order. @param offsets  gets where the users' events begin
template <class Record, class Source>
std::vector<Record> sorted_by_user(const Source& source, Count num_users, std::vector<Count>& offsets) {
  std::vector<Count> next(static_cast<std::size_t>(num_users) + 1, 0);
  visit_events<Record>(source, [&](const Record& record) { ++next[std::size_t{event_in(record).user} + 1]; });
  std::partial_sum(next.begin(), next.end(), next.begin());
  offsets = next;
  std::vector<Record> records(static_cast<std::size_t>(next.back()));
  visit_events<Record>(source, [&](const Record& record) {
    records[static_cast<std::size_t>(next[event_in(record).user]++)] = record;
  });
  return records;
}

/// Stable sort of one user's events by item and time.
template <class Record>
void sort_events_of_user(std::span<Record> records) {
  const auto before = [](const Record& first, const Record& second) {
    const LogEvent &a = event_in(first), &b = event_in(second);
    return a.item_key() != b.item_key() ? a.item_key() < b.item_key() : a.time < b.time;
  };
  constexpr std::size_t few = 24;
  if (records.size() > few) {
    std::stable_sort(records.begin(), records.end(), before);
    return;
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    const Record moving = records[i];
    std::size_t at = i;
    for (; at > 0 && before(moving, records[at - 1]); --at) records[at] = records[at - 1];
    records[at] = moving;
  }
}

/// Calls use(first, end) on all threads for runs of the users' events.
template <class Use>
void for_users(const std::vector<Count>& offsets, const Use& use) {
  constexpr Count users_per_task = 1024;
  const auto num_users = static_cast<Count>(offsets.size()) - 1;
  parallel_for((num_users + users_per_task - 1) / users_per_task, [&](Count task) {
    for (Count u = task * users_per_task; u < std::min(num_users, (task + 1) * users_per_task); ++u) {
      use(static_cast<std::size_t>(offsets[static_cast<std::size_t>(u)]),
          static_cast<std::size_t>(offsets[static_cast<std::size_t>(u) + 1]));
    }
  });
}

/// Collective. Frees the batches.
template <class Record>
std::vector<Record> collected(const Communicator& comm, std::vector<RowBatch>& batches, const KeptRows& kept,
                              InteractionLog& log) {
  Rounds<Record> rounds;
  if (comm.size() > 1) rounds = exchange<Record>(comm, batches, kept);
  return collectively(comm, "sort events", [&] {
    const Count num_users = log.user_ids.size();
    auto records = comm.size() > 1 ? sorted_by_user<Record>(rounds, num_users, log.user_offsets)
                                   : sorted_by_user<Record>(kept, num_users, log.user_offsets);
    rounds = {};
    batches = {};
    for_users(log.user_offsets, [&](std::size_t first, std::size_t end) {
      sort_events_of_user(std::span(records).subspan(first, end - first));
    });
    return records;
  });
}

}  // namespace

void collect_events(const Communicator& comm, std::vector<RowBatch>& batches, FaultMask enabled,
                    const std::vector<std::uint16_t>& type_numbers, InteractionLog& log) {
  const KeptRows kept{batches, enabled, type_numbers};
  if (!log.has_details) {
    log.events = collected<LogEvent>(comm, batches, kept, log);
    return;
  }
  const auto records = collected<DetailedEvent>(comm, batches, kept, log);
  collectively(comm, "sort events", [&] {
    log.events.reserve(records.size());
    log.details.reserve(records.size());
    for (const auto& [event, details] : records) {
      log.events.push_back(event);
      log.details.push_back(details);
    }
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
