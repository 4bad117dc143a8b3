#include "eval/exposure.hpp"

#include <algorithm>
#include <map>

#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart::detail {

namespace {

/// Some equal places: how many of them an item holds.
struct Places {
  Count item = 0;
  std::int32_t table = 0;  // of a level and a segment
  std::int32_t number = 0;
};

bool same_kind(const Places& a, const Places& b) {
  return a.item == b.item && a.table == b.table;
}

/// Sums what belongs together, by ascending item.
std::vector<Places> merged(std::vector<Places> places) {
  std::sort(places.begin(), places.end(), [](const Places& a, const Places& b) {
    return a.item != b.item ? a.item < b.item : a.table < b.table;
  });
  std::vector<Places> result;
  for (const Places& p : places) {
    if (!result.empty() && same_kind(result.back(), p)) {
      result.back().number += p.number;
    } else {
      result.push_back(p);
    }
  }
  return result;
}

/// Gini coefficient of numbers given as how many there are of each value, in whole numbers: no rounding.
double gini(const std::map<Count, Count>& number_by_value) {
  __int128 num_items = 0, total = 0, weighted = 0;
  for (const auto& [value, number] : number_by_value) num_items += number;
  for (const auto& [value, number] : number_by_value) total += static_cast<__int128>(value) * number;
  if (total == 0) return 0;
  __int128 before = 0;
  for (const auto& [value, number] : number_by_value) {
    // Ranks before+1 .. before+number; each item counts (2 rank - items - 1) times its value.
    const __int128 ranks_twice = 2 * before * number + static_cast<__int128>(number) * (number + 1);
    weighted += (ranks_twice - number * (num_items + 1)) * value;
    before += number;
  }
  return static_cast<double>(weighted) / (static_cast<double>(num_items) * static_cast<double>(total));
}

std::map<Count, Count> histogram(const Communicator& comm, std::span<const Count> counts) {
  std::map<Count, Count> mine, all;
  for (Count count : counts) ++mine[count];
  struct Bar {
    Count value, number;
  };
  std::vector<Bar> bars;
  for (const auto& [value, number] : mine) bars.push_back({value, number});
  for (const Bar& bar : comm.allgather(std::span<const Bar>(bars)).data) all[bar.value] += bar.number;
  return all;
}

}  // namespace

Exposure::Exposure(const Communicator& comm, const Partition& items, std::span<const Count> at,
                   std::size_t num_segments)
    : comm_(comm), items_(items), at_(at.begin(), at.end()), num_segments_(num_segments) {
  const auto num_owned = static_cast<std::size_t>(items.range(comm.rank()).size());
  first_shown_.assign(at_.size() * num_segments, std::vector<Count>(num_owned, 0));
}

void Exposure::add(const TopLists& lists, std::span<const std::size_t> segments) {
  std::vector<Places> places;
  for (std::size_t row = 0; row + 1 < lists.offsets.size(); ++row) {
    std::size_t level = 0;
    for (Count e = lists.offsets[row]; e < lists.offsets[row + 1]; ++e) {
      while (e - lists.offsets[row] >= at_[level]) ++level;
      const std::size_t table = level * num_segments_ + segments[row];
      places.push_back({lists.items[static_cast<std::size_t>(e)], static_cast<std::int32_t>(table), 1});
    }
  }
  places = merged(std::move(places));
  std::vector<int> owners;
  for (const Places& p : places) owners.push_back(items_.owner(p.item));
  const SendOrder send = order_by_rank(owners, comm_.size());
  const Count first = items_.range(comm_.rank()).begin;
  for (const Places& p : exchange_grouped<Places>(comm_, places, send).data) {
    first_shown_[static_cast<std::size_t>(p.table)][static_cast<std::size_t>(p.item - first)] += p.number;
  }
}

std::vector<Count> Exposure::counts(std::size_t level, std::optional<std::size_t> segment) const {
  std::vector<Count> result(first_shown_.front().size(), 0);
  for (std::size_t table = 0; table < (level + 1) * num_segments_; ++table) {
    if (segment && table % num_segments_ != *segment) continue;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] += first_shown_[table][i];
  }
  return result;
}

CatalogueMetrics catalogue_metrics(const Communicator& comm, Count num_items, std::span<const Count> counts) {
  const auto num_shown = std::count_if(counts.begin(), counts.end(), [](Count count) { return count > 0; });
  return {static_cast<double>(comm.sum(Count{num_shown})) / static_cast<double>(num_items),
          gini(histogram(comm, counts))};
}

}  // namespace pushcart::detail
