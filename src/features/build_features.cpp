#include "pushcart/features/build_features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "features/categories.hpp"
#include "features/item_columns.hpp"
#include "features/quantiles.hpp"
#include "features/search_columns.hpp"
#include "features/user_columns.hpp"
#include "matrix/referenced_ids.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_values.hpp"

namespace pushcart {

namespace {

using namespace detail;

/// The log's users and items as the data set numbers them.
struct KnownIds {
  std::vector<Count> user_of_slot;           ///< -1 = not in the data set
  std::vector<std::uint32_t> item_of_event;  ///< position in item_index
  std::vector<Count> item_index;             ///< -1 = not in the data set
};

std::vector<ProvisionalId> items_of(const InteractionLog& log) {
  std::vector<ProvisionalId> items;
  items.reserve(log.events.size());
  for (const LogEvent& event : log.events) items.push_back(event.item());
  return items;
}

KnownIds match_ids(const Communicator& comm, const InteractionLog& log, const Dataset& dataset,
                   FeatureReport& report) {
  KnownIds known;
  known.user_of_slot = DictionaryLookup(comm, dataset.users, dataset.user_ids).find(log.user_ids);
  const auto item_of_slot = DictionaryLookup(comm, dataset.items, dataset.item_ids).find(log.item_ids);
  const ReferencedIds items(comm, items_of(log), log.item_ids.size());
  known.item_of_event = items.positions();
  known.item_index = items.fetch(item_of_slot);

  Count unknown_users = 0, unknown_items = 0;
  for (std::size_t user = 0; user < known.user_of_slot.size(); ++user) {
    const bool has_events = log.user_offsets[user] < log.user_offsets[user + 1];
    unknown_users += known.user_of_slot[user] < 0 && has_events;
  }
  const auto ranks_naming = items.sum_at_owners(std::vector<Count>(items.size(), 1));
  for (std::size_t item = 0; item < item_of_slot.size(); ++item) {
    unknown_items += item_of_slot[item] < 0 && ranks_naming[item] > 0;
  }
  report.unknown_users = comm.sum(unknown_users);
  report.unknown_items = comm.sum(unknown_items);
  return known;
}

Count users_with_events(const InteractionLog& log) {
  Count users = 0;
  for (std::size_t user = 0; user + 1 < log.user_offsets.size(); ++user) {
    users += log.user_offsets[user] < log.user_offsets[user + 1];
  }
  return users;
}

/// Floats of a row of each table.
struct RowWidths {
  std::size_t users, items;
};

MemoryPlan plan_features(const InteractionLog& log, const LogScope& scope, const KnownIds& known,
                         const Dataset& dataset, const RowWidths& widths) {
  const auto num_events = static_cast<Count>(log.events.size());
  const auto floats = [](Count rows, std::size_t width) {
    return rows * static_cast<Count>(width * sizeof(float));
  };
  const Count named = static_cast<Count>(known.item_index.size()), items = dataset.item_ids.size();
  const Count sums = ItemSums::row_bytes(scope.types.size(), scope.num_windows());
  MemoryPlan plan;
  plan.add("events with details", num_events * static_cast<Count>(sizeof(LogEvent) + sizeof(EventDetails)));
  plan.add("items of events, and where their runs begin",
           num_events * static_cast<Count>(sizeof(std::uint32_t) + sizeof(Count)));
  plan.add("sums of items: those named here, on their way, and those owned", (3 * named + items) * sums);
  plan.add(
      "rows of users: as made, on their way, and as columns",
      2 * floats(users_with_events(log), widths.users) + 2 * floats(dataset.user_ids.size(), widths.users));
  plan.add("rows of items", 2 * floats(items, widths.items));
  return plan;
}

/// Highest price of each price band but the last. Collective.
std::vector<double> price_limits(const Communicator& comm, const ItemSums& sums, const LogScope& scope) {
  if (!scope.has_prices) return {};
  std::vector<SortedColumn> prices(1);
  for (std::size_t item = 0; item < sums.size(); ++item) {
    prices[0].add(static_cast<float>(mean_price(sums[item])));
  }
  prices[0].sort();
  std::vector<double> shares;
  const auto bands = static_cast<double>(scope.num_bands());
  for (std::size_t band = 1; band < scope.num_bands(); ++band)
    shares.push_back(static_cast<double>(band) / bands);
  const auto limits = quantiles(comm, prices, shares);
  if (std::isnan(limits.front())) return {};
  return {limits.begin(), limits.end()};
}

int band_of(double price, const std::vector<double>& limits) {
  if (std::isnan(price)) return -1;
  const auto as_stored = static_cast<double>(static_cast<float>(price));
  return static_cast<int>(std::lower_bound(limits.begin(), limits.end(), as_stored) - limits.begin());
}

/// Features of the owned items, and what those of users need of them.
struct ItemSide {
  std::vector<FeatureColumn> columns;
  std::vector<ItemFacts> facts;  ///< by owned item
};

ItemSide item_side(const ItemSums& sums, const ColumnSet<ItemRow>& columns, const std::vector<double>& limits,
                   const std::vector<Count>& category_of_item) {
  ItemSide side;
  std::vector<float> rows(sums.size() * columns.width());
  for (std::size_t item = 0; item < sums.size(); ++item) {
    const ItemRow row{sums[item], band_of(mean_price(sums[item]), limits), category_of_item[item]};
    columns.fill(row, std::span(rows).subspan(item * columns.width(), columns.width()));
    side.facts.push_back({row.sums.count(ItemCount::users), row.sums.first_time,
                          checked_cast<std::int32_t>(row.category), row.price_band});
  }
  side.columns = columns.cut(rows);
  return side;
}

/// Facts of the items that this rank's events name. Collective.
NamedItems named_items(const Communicator& comm, const KnownIds& known, const Dataset& dataset,
                       const std::vector<ItemFacts>& facts, Count num_users) {
  NamedItems named{known.item_of_event, known.item_index, {}, static_cast<double>(num_users)};
  std::vector<Count> wanted;
  for (const Count index : known.item_index) {
    if (index >= 0) wanted.push_back(index);
  }
  const auto fetched = fetch_values<ItemFacts>(comm, dataset.items, facts, wanted);
  auto next = fetched.begin();
  for (const Count index : known.item_index) named.facts.push_back(index >= 0 ? *next++ : ItemFacts{});
  return named;
}

/// Rows of this rank's users who are in the data set, on all threads. @param users  gets their slots
std::vector<float> rows_of_users(const InteractionLog& log, const LogScope& scope, const NamedItems& items,
                                 const ColumnSet<UserSummary>& columns,
                                 const std::vector<std::size_t>& users) {
  std::vector<float> rows(users.size() * columns.width());
  constexpr std::size_t users_per_task = 256;
  parallel_for(static_cast<Count>((users.size() + users_per_task - 1) / users_per_task), [&](Count task) {
    UserSummarizer summarizer(log, scope, items);
    const std::size_t begin = static_cast<std::size_t>(task) * users_per_task;
    for (std::size_t u = begin; u < std::min(users.size(), begin + users_per_task); ++u) {
      const auto& summary = summarizer.summarize(static_cast<std::size_t>(log.user_offsets[users[u]]),
                                                 static_cast<std::size_t>(log.user_offsets[users[u] + 1]));
      columns.fill(summary, std::span(rows).subspan(u * columns.width(), columns.width()));
    }
  });
  return rows;
}

/// Rows come to the owners of their users; users without a row get that of no events. Collective.
std::vector<float> rows_at_owners(const Communicator& comm, const Partition& users,
                                  std::span<const Count> index, std::span<const float> rows,
                                  std::span<const float> empty_row) {
  const std::size_t width = empty_row.size();
  std::vector<int> owners;
  for (const Count user : index) owners.push_back(users.owner(user));
  const SendOrder order = order_by_rank(owners, comm.size());
  std::vector<float> packed;
  packed.reserve(rows.size());
  for (const Count position : order.order) {
    const auto row = rows.subspan(static_cast<std::size_t>(position) * width, width);
    packed.insert(packed.end(), row.begin(), row.end());
  }
  auto counts = order.counts;
  for (Count& count : counts) count *= static_cast<Count>(width);
  const auto arrived_index = exchange_grouped<Count>(comm, index, order).data;
  const auto arrived = comm.alltoallv(std::span<const float>(packed), std::span<const Count>(counts)).data;

  const Range mine = users.range(comm.rank());
  std::vector<float> table;
  for (Count user = 0; user < mine.size(); ++user)
    table.insert(table.end(), empty_row.begin(), empty_row.end());
  for (std::size_t r = 0; r < arrived_index.size(); ++r) {
    const auto row = std::span(arrived).subspan(r * width, width);
    std::copy(row.begin(), row.end(),
              table.begin() + (arrived_index[r] - mine.begin) * static_cast<Count>(width));
  }
  return table;
}

std::vector<FeatureColumn> user_side(const Communicator& comm, const InteractionLog& log,
                                     const LogScope& scope, const NamedItems& items,
                                     const ColumnSet<UserSummary>& columns,
                                     const std::vector<Count>& user_of_slot, const Partition& owners) {
  std::vector<std::size_t> users;  // slots
  std::vector<Count> index;
  for (std::size_t slot = 0; slot < user_of_slot.size(); ++slot) {
    if (user_of_slot[slot] < 0 || log.user_offsets[slot] == log.user_offsets[slot + 1]) continue;
    users.push_back(slot);
    index.push_back(user_of_slot[slot]);
  }
  std::vector<float> empty_row(columns.width());
  const auto rows = collectively(comm, "make the features of users", [&] {
    columns.fill(UserSummarizer(log, scope, items).summarize(0, 0), empty_row);
    return rows_of_users(log, scope, items, columns, users);
  });
  return columns.cut(rows_at_owners(comm, owners, index, rows, empty_row));
}

}  // namespace

Features build_features(const Communicator& comm, InteractionLog log, const IngestConfig& ingest,
                        const Dataset& dataset, const FeatureConfig& config, FeatureReport& report,
                        PhaseLog& phases) {
  check_config(config);
  PUSHCART_CHECK(log.has_details);
  const LogScope scope = scope_of(log, ingest, dataset, config);
  const auto for_users = user_columns(scope);
  const auto for_items = item_columns(scope);
  KnownIds known;
  {
    const auto timer = phases.time("match ids", log.user_ids.size() + log.item_ids.size());
    report.later_events = comm.sum(drop_later_events(log, scope));
    report.num_events = comm.sum(static_cast<Count>(log.events.size()));
    known = match_ids(comm, log, dataset, report);
  }
  announce_memory(comm, "features",
                  plan_features(log, scope, known, dataset, {for_users.width(), for_items.width()}),
                  config.memory_per_rank);

  Features features;
  features.users = dataset.users;
  features.items = dataset.items;
  features.user_ids = dataset.user_ids;
  features.item_ids = dataset.item_ids;
  features.cutoff_time = scope.cutoff;
  features.dataset_digest = dataset.digest;
  ItemSide items;
  {
    const auto timer = phases.time("item features", static_cast<Count>(log.events.size()));
    auto categories = categories_of(comm, dataset, config.category_attribute);
    features.categories = categories.partition;
    features.category_names = std::move(categories.names);
    const auto sums =
        sums_at_owners(comm, sum_by_item(comm, log, scope, known.item_of_event, known.item_index.size()),
                       known.item_index, dataset.items);
    features.price_limits = price_limits(comm, sums, scope);
    items = item_side(sums, for_items, features.price_limits, categories.of_item);
    features.of_items.columns = std::move(items.columns);
  }
  {
    const auto timer = phases.time("user features", static_cast<Count>(log.events.size()));
    const auto named = named_items(comm, known, dataset, items.facts, comm.sum(users_with_events(log)));
    features.of_users.columns =
        user_side(comm, log, scope, named, for_users, known.user_of_slot, dataset.users);
  }
  const auto timer = phases.time("search features");
  report.absent = for_users.absent();
  add_searches(comm, dataset, scope, features.of_users, report.absent);
  for (AbsentFeature& absent : report.absent) absent.name = "users/" + absent.name;
  for (const AbsentFeature& absent : for_items.absent())
    report.absent.push_back({"items/" + absent.name, absent.reason});
  return features;
}

}  // namespace pushcart
