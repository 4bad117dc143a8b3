#include "pushcart/features/build_features.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "features/category_columns.hpp"
#include "features/item_side.hpp"
#include "features/search_columns.hpp"
#include "features/text_columns.hpp"
#include "features/user_side.hpp"
#include "matrix/referenced_ids.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/categories.hpp"

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

/// Sizes that the plan depends on beside those of the log.
struct PlanSizes {
  std::size_t user_width, item_width;  ///< floats of a row of each table
  Count num_categories;
};

MemoryPlan plan_features(const InteractionLog& log, const LogScope& scope, const KnownIds& known,
                         const Dataset& dataset, const PlanSizes& sizes) {
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
  plan.add("rows of users: as made, on their way, and as columns",
           2 * floats(users_with_events(log), sizes.user_width) +
               2 * floats(dataset.user_ids.size(), sizes.user_width));
  plan.add("rows of items", 2 * floats(items, sizes.item_width));
  const Count most_categories = std::min(num_events, users_with_events(log) * sizes.num_categories);
  plan.add("events by category: as made, on their way, and owned",
           most_categories * static_cast<Count>(2 * sizeof(Interaction) + sizeof(Count) + sizeof(float)));
  return plan;
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
  Categories categories;
  {
    const auto timer = phases.time("match ids", log.user_ids.size() + log.item_ids.size());
    report.later_events = comm.sum(drop_later_events(log, scope));
    report.num_events = comm.sum(static_cast<Count>(log.events.size()));
    known = match_ids(comm, log, dataset, report);
    categories = categories_of(comm, dataset, config.category_attribute);
  }

  Features features;
  features.users = dataset.users;
  features.items = dataset.items;
  features.user_ids = dataset.user_ids;
  features.item_ids = dataset.item_ids;
  features.cutoff_time = scope.cutoff;
  features.categories = categories.partition;
  features.category_names = std::move(categories.names);
  features.dataset_digest = dataset.digest;
  announce_memory(comm, "features",
                  plan_features(log, scope, known, dataset,
                                {for_users.width(), for_items.width(), features.categories.num_rows()}),
                  config.memory_per_rank);

  ItemSide items;
  {
    const auto timer = phases.time("item features", static_cast<Count>(log.events.size()));
    const auto sums =
        sums_at_owners(comm, sum_by_item(comm, log, scope, known.item_of_event, known.item_index.size()),
                       known.item_index, dataset.items);
    items = item_side(comm, sums, scope, for_items, categories.of_item);
    features.of_items.columns = std::move(items.columns);
    features.price_limits = std::move(items.price_limits);
  }
  {
    const auto timer = phases.time("user features", static_cast<Count>(log.events.size()));
    const auto named = named_items(comm, known, dataset, items.facts, comm.sum(users_with_events(log)));
    auto users = user_side(comm, log, scope, named, for_users, known.user_of_slot, dataset.users,
                           features.categories.num_rows());
    features.of_users.columns = std::move(users.columns);
    features.category_events = std::move(users.category_events);
  }
  {
    const auto timer = phases.time("search features");
    report.absent = for_users.absent();
    add_searches(comm, dataset, scope, features.of_users, report.absent);
  }
  for (AbsentFeature& absent : report.absent) absent.name = "users/" + absent.name;
  auto absent_of_items = for_items.absent();
  if (config.text.dimensions > 0)
    report.text = add_text_vectors(comm, dataset, config, features.of_items, absent_of_items, phases);
  if (config.category_dimensions > 0) {
    report.category_vectors = add_category_vectors(comm, dataset, config, features, absent_of_items, phases);
  }
  for (const AbsentFeature& absent : absent_of_items)
    report.absent.push_back({"items/" + absent.name, absent.reason});
  return features;
}

}  // namespace pushcart
