#include "features/item_sums.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "pushcart/base/parallel.hpp"
#include "pushcart/base/sum_grid.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart::detail {

namespace {

constexpr auto no_first_time = std::numeric_limits<std::int64_t>::max();
constexpr auto no_last_time = std::numeric_limits<std::int64_t>::min();

using Amounts = std::array<double, num_item_amounts>;

double& at(Amounts& amounts, ItemAmount which) {
  return amounts[static_cast<std::size_t>(which)];
}

/// What one event adds to the amounts of its item.
Amounts amounts_of(Act act, const EventDetails& details) {
  Amounts amounts{};
  const double money = std::isnan(details.price) ? 0 : money_of(details);
  if (act == Act::purchase) {
    at(amounts, ItemAmount::bought_pieces) = pieces_of(details);
    at(amounts, ItemAmount::revenue) = money;
  } else if (act == Act::giving_back) {
    at(amounts, ItemAmount::returned_pieces) = pieces_of(details);
    at(amounts, ItemAmount::revenue) = -money;
  }
  if (!std::isnan(details.price)) at(amounts, ItemAmount::prices) = details.price;
  if (!std::isnan(details.dwell)) at(amounts, ItemAmount::dwells) = details.dwell;
  return amounts;
}

/// A grid for each amount, the same on all ranks. Collective.
std::vector<SumGrid> common_grids(const Communicator& comm, const InteractionLog& log,
                                  const EventActs& acts) {
  Amounts largest{};
  for (std::size_t e = 0; e < log.events.size(); ++e) {
    const Amounts amounts = amounts_of(acts(log.events[e], log.details[e]), log.details[e]);
    for (std::size_t a = 0; a < amounts.size(); ++a) largest[a] = std::max(largest[a], std::abs(amounts[a]));
  }
  comm.allreduce(std::span<double>(largest), Reduce::max);
  const Count num_events = comm.sum(static_cast<Count>(log.events.size()));
  std::vector<SumGrid> grids;
  for (const double magnitude : largest) grids.emplace_back(magnitude, num_events);
  return grids;
}

/// Runs of events of one user and item, grouped by item.
struct PairRuns {
  std::vector<Count> offsets;  ///< by item: runs [offsets[i], offsets[i + 1])
  std::vector<Count> first;    ///< first event of each run

  PairRuns(const InteractionLog& log, std::span<const std::uint32_t> item_of_event, std::size_t num_items) {
    const auto visit_runs = [&](const auto& use) {
      for (std::size_t user = 0; user + 1 < log.user_offsets.size(); ++user) {
        const auto end = static_cast<std::size_t>(log.user_offsets[user + 1]);
        for (auto e = static_cast<std::size_t>(log.user_offsets[user]); e < end;) {
          use(e);
          const auto item = item_of_event[e];
          while (e < end && item_of_event[e] == item) ++e;
        }
      }
    };
    offsets.assign(num_items + 1, 0);
    visit_runs([&](std::size_t e) { ++offsets[std::size_t{item_of_event[e]} + 1]; });
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    first.resize(static_cast<std::size_t>(offsets.back()));
    auto next = offsets;
    visit_runs([&](std::size_t e) {
      first[static_cast<std::size_t>(next[item_of_event[e]]++)] = static_cast<Count>(e);
    });
  }
};

}  // namespace

Count ItemSummary::all_events() const {
  Count sum = 0;
  for (std::size_t type = 0; type < num_types(); ++type) sum += events(type);
  return sum;
}

Count ItemSummary::all_events(std::size_t window) const {
  Count sum = 0;
  for (std::size_t type = 0; type < num_types(); ++type) sum += events(type, window);
  return sum;
}

ItemSums::ItemSums(std::size_t num_items, std::size_t num_types, std::size_t num_windows)
    : num_types_(num_types), num_windows_(num_windows) {
  resize(num_items);
}

void ItemSums::resize(std::size_t num_items) {
  counts_.resize(num_items * count_width(), 0);
  amounts_.resize(num_items * num_item_amounts, 0);
  first_times_.resize(num_items, no_first_time);
  last_times_.resize(num_items, no_last_time);
}

Count ItemSums::row_bytes(std::size_t num_types, std::size_t num_windows) {
  return static_cast<Count>((num_item_counts + num_types * (num_windows + 1) + 2) * sizeof(Count) +
                            num_item_amounts * sizeof(double));
}

ItemSummary ItemSums::operator[](std::size_t item) const {
  return {num_windows_, std::span(counts_).subspan(item * count_width(), count_width()),
          std::span(amounts_).subspan(item * num_item_amounts, num_item_amounts), first_times_[item],
          last_times_[item]};
}

void ItemSums::add(std::size_t item, const ItemSums& other, std::size_t row) {
  const ItemSummary more = other[row];
  for (std::size_t c = 0; c < more.counts.size(); ++c) counts_[item * count_width() + c] += more.counts[c];
  for (std::size_t a = 0; a < num_item_amounts; ++a) amounts_[item * num_item_amounts + a] += more.amounts[a];
  first_times_[item] = std::min(first_times_[item], more.first_time);
  last_times_[item] = std::max(last_times_[item], more.last_time);
}

/// Sums the runs of one item after another; items may be summed by different threads.
class ItemSummer {
 public:
  ItemSummer(const InteractionLog& log, const LogScope& scope, const std::vector<SumGrid>& grids,
             ItemSums& sums)
      : log_(log), scope_(scope), grids_(grids), sums_(sums) {}

  /// @param end  behind the last event of the run's user
  void add_run(std::size_t item, std::size_t first, std::span<const std::uint32_t> item_of_event,
               std::size_t end) {
    std::size_t last = first;
    while (last < end && item_of_event[last] == item && log_.events[last].user == log_.events[first].user) {
      add_event(item, last++);
    }
    const PairActs acts = acts_of_pair(scope_.acts, std::span(log_.events).subspan(first, last - first),
                                       std::span(log_.details).subspan(first, last - first));
    count(item, ItemCount::users) += 1;
    count(item, ItemCount::viewers) += acts.viewed;
    count(item, ItemCount::carters) += acts.carted;
    count(item, ItemCount::buyers) += acts.bought;
    count(item, ItemCount::carted_after_view) += acts.carted_after_view;
    count(item, ItemCount::bought_after_view) += acts.bought_after_view;
    count(item, ItemCount::bought_after_cart) += acts.bought_after_cart;
  }

 private:
  Count& count(std::size_t item, ItemCount which) {
    return sums_.counts_[item * sums_.count_width() + static_cast<std::size_t>(which)];
  }
  void add_event(std::size_t item, std::size_t e) {
    const LogEvent& event = log_.events[e];
    const EventDetails& details = log_.details[e];
    Count* const by_window = sums_.counts_.data() + item * sums_.count_width() + num_item_counts +
                             event.type * (scope_.num_windows() + 1);
    ++by_window[0];
    if (scope_.has_times) {
      for (std::size_t w = 0; w < scope_.num_windows(); ++w) {
        by_window[1 + w] += event.time > scope_.cutoff - scope_.window_seconds[w];
      }
    }
    count(item, ItemCount::priced_events) += !std::isnan(details.price);
    count(item, ItemCount::dwelled_events) += !std::isnan(details.dwell);
    const Amounts amounts = amounts_of(scope_.acts(event, details), details);
    for (std::size_t a = 0; a < amounts.size(); ++a) {
      if (amounts[a] != 0) sums_.amounts_[item * num_item_amounts + a] += grids_[a].round(amounts[a]);
    }
    sums_.first_times_[item] = std::min(sums_.first_times_[item], event.time);
    sums_.last_times_[item] = std::max(sums_.last_times_[item], event.time);
  }

  const InteractionLog& log_;
  const LogScope& scope_;
  const std::vector<SumGrid>& grids_;
  ItemSums& sums_;
};

ItemSums sum_by_item(const Communicator& comm, const InteractionLog& log, const LogScope& scope,
                     std::span<const std::uint32_t> item_of_event, std::size_t num_items) {
  const auto grids = common_grids(comm, log, scope.acts);
  return collectively(comm, "sum events by item", [&] {
    ItemSums sums(num_items, scope.types.size(), scope.num_windows());
    const PairRuns runs(log, item_of_event, num_items);
    constexpr std::size_t items_per_task = 256;
    parallel_for(static_cast<Count>((num_items + items_per_task - 1) / items_per_task), [&](Count task) {
      ItemSummer summer(log, scope, grids, sums);
      const std::size_t begin = static_cast<std::size_t>(task) * items_per_task;
      for (std::size_t item = begin; item < std::min(num_items, begin + items_per_task); ++item) {
        for (Count run = runs.offsets[item]; run < runs.offsets[item + 1]; ++run) {
          summer.add_run(item, static_cast<std::size_t>(runs.first[static_cast<std::size_t>(run)]),
                         item_of_event, log.events.size());
        }
      }
    });
    return sums;
  });
}

ItemSums sums_at_owners(const Communicator& comm, const ItemSums& sums, std::span<const Count> index_of_row,
                        const Partition& items) {
  std::vector<Count> rows;  // those that go somewhere
  std::vector<int> owners;
  for (std::size_t row = 0; row < index_of_row.size(); ++row) {
    if (index_of_row[row] < 0) continue;
    rows.push_back(static_cast<Count>(row));
    owners.push_back(items.owner(index_of_row[row]));
  }
  SendOrder order = order_by_rank(owners, comm.size());
  for (Count& position : order.order) position = rows[static_cast<std::size_t>(position)];
  const auto send = [&]<class T>(const std::vector<T>& table, std::size_t width) {
    return exchange_grouped<T>(comm, table, order, width).data;
  };
  const auto arrived_indices = exchange_grouped<Count>(comm, index_of_row, order).data;
  ItemSums arrived(0, sums.num_types_, sums.num_windows_);
  arrived.counts_ = send(sums.counts_, sums.count_width());
  arrived.amounts_ = send(sums.amounts_, num_item_amounts);
  arrived.first_times_ = send(sums.first_times_, 1);
  arrived.last_times_ = send(sums.last_times_, 1);

  const Range mine = items.range(comm.rank());
  ItemSums owned(static_cast<std::size_t>(mine.size()), sums.num_types_, sums.num_windows_);
  for (std::size_t r = 0; r < arrived_indices.size(); ++r) {
    owned.add(static_cast<std::size_t>(arrived_indices[r] - mine.begin), arrived, r);
  }
  return owned;
}

}  // namespace pushcart::detail
