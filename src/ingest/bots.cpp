#include "ingest/bots.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/base/days.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// A row as the owner of its user sees it.
struct Sighting {
  std::uint64_t item = 0;
  std::uint32_t user = 0;
  std::int32_t day = 0;
  bool counts = false;
};

bool is_bot(std::span<const Sighting> sightings, std::span<const std::uint32_t> rows,
            const IngestConfig& config) {
  std::vector<std::int32_t> days;
  std::vector<std::uint64_t> items;
  for (const auto row : rows) {
    if (!sightings[row].counts) continue;
    days.push_back(sightings[row].day);
    items.push_back(sightings[row].item);
  }
  if (config.bot_distinct_items > 0) {
    std::sort(items.begin(), items.end());
    const auto num_items = std::unique(items.begin(), items.end()) - items.begin();
    if (num_items > config.bot_distinct_items) return true;
  }
  if (config.bot_events_per_day <= 0) return false;
  std::sort(days.begin(), days.end());
  const auto limit = static_cast<std::size_t>(config.bot_events_per_day);
  for (std::size_t i = limit; i < days.size(); ++i) {
    if (days[i] == days[i - limit]) return true;
  }
  return false;
}

std::vector<std::uint8_t> judge(std::span<const Sighting> sightings, const IngestConfig& config) {
  std::vector<std::uint32_t> order(sightings.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return sightings[a].user < sightings[b].user; });
  std::vector<std::uint8_t> verdicts(sightings.size(), 0);
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && sightings[order[end]].user == sightings[order[begin]].user) ++end;
    const auto rows = std::span<const std::uint32_t>(order).subspan(begin, end - begin);
    if (is_bot(sightings, rows, config)) {
      for (const auto row : rows) verdicts[row] = 1;
    }
    begin = end;
  }
  return verdicts;
}

}  // namespace

void flag_bots(const Communicator& comm, std::vector<RowBatch>& batches, const IngestConfig& config,
               FaultMask enabled) {
  if (config.bot_events_per_day == 0 && config.bot_distinct_items == 0) return;
  const auto earlier = static_cast<FaultMask>(enabled & (fault_bit(Check::bot) - 1));
  std::vector<StoredRow*> rows;
  std::vector<Count> counts(static_cast<std::size_t>(comm.size()), 0);
  const auto sightings = collectively(comm, "find bots", [&] {
    std::vector<std::vector<StoredRow*>> by_owner(counts.size());
    for (auto& batch : batches) {
      for (auto& row : batch.rows) {
        if (row.user != no_id) by_owner[row.user_owner].push_back(&row);
      }
    }
    std::vector<Sighting> packed;
    for (std::size_t owner = 0; owner < by_owner.size(); ++owner) {
      counts[owner] = static_cast<Count>(by_owner[owner].size());
      for (StoredRow* row : by_owner[owner]) {
        rows.push_back(row);
        packed.push_back({(std::uint64_t{row->item_owner} << 32) | row->item, row->user,
                          static_cast<std::int32_t>(day_of(row->time)),
                          (row->faults & earlier) == 0});
      }
      by_owner[owner] = {};
    }
    return packed;
  });
  const auto received = comm.alltoallv(std::span<const Sighting>(sightings), counts);
  const auto verdicts = collectively(comm, "find bots", [&] { return judge(received.data, config); });
  std::vector<std::uint8_t> answers(rows.size());
  comm.alltoallv_into(std::span<const std::uint8_t>(verdicts), received.counts,
                      std::span<std::uint8_t>(answers), counts);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (answers[r]) rows[r]->faults |= fault_bit(Check::bot);
  }
}

}  // namespace pushcart::detail
