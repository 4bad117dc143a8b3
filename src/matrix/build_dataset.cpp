#include "pushcart/matrix/build_dataset.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "matrix/build_searches.hpp"
#include "matrix/k_core.hpp"
#include "matrix/referenced_ids.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/numbering.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

using detail::PairTable;

bool has_times(const IngestConfig& config) {
  return config.format.columns.contains(Role::time) || config.format.constants.contains(Role::time);
}

/// Final indices of this rank's slots.
struct Numbers {
  Numbering users;
  Numbering items;
};

/// Pairs by final indices; the table is given up.
Interactions numbered(const Communicator& comm, PairTable table, const Numbers& numbers) {
  const detail::ReferencedIds items(comm, table, static_cast<Count>(numbers.items.index_of_slot.size()));
  const auto item_index = items.fetch(numbers.items.index_of_slot);
  Interactions result;
  result.pairs.reserve(table.size());
  for (std::size_t p = 0; p < table.size(); ++p) {
    const auto& pair = table.pairs[p];
    result.pairs.push_back({numbers.users.index_of_slot[pair.user], item_index[items.positions()[p]],
                            pair.last_time, pair.value});
  }
  result.type_strength = std::move(table.type_strength);
  result.type_last_time = std::move(table.type_last_time);
  return result;
}

/// Texts of the numbered slots go to the owners of their final indices; the log gives them up.
void fill_texts(const Communicator& comm, InteractionLog& log, const Numbers& numbers, Dataset& dataset) {
  const auto bring = [&](const Partition& partition, const Numbering& numbering, StringTable texts) {
    return strings_by_owner(comm, partition, numbering.index_of_slot, texts);
  };
  dataset.user_ids = bring(dataset.users, numbers.users, std::move(log.user_ids));
  dataset.item_ids = bring(dataset.items, numbers.items, std::move(log.item_ids));
  if (log.has_names) {
    dataset.item_names = bring(dataset.items, numbers.items, std::move(log.item_names));
  } else {
    dataset.item_names = strings_by_owner(comm, dataset.items, {}, {});
  }
  if (log.has_categories) {
    dataset.item_attributes.push_back(
        {"category", bring(dataset.items, numbers.items, std::move(log.item_categories))});
  }
}

/// Pairs of the future that the training part can be asked for.
std::vector<Interaction> rankable(const Communicator& comm, const Interactions& future,
                                  const std::vector<std::uint8_t>& seen, CleaningReport& report) {
  std::vector<Interaction> pairs;
  std::vector<Count> counts(4, 0);
  for (std::size_t p = 0; p < future.pairs.size(); ++p) {
    const auto& pair = future.pairs[p];
    const std::size_t outcome = pair.user < 0 ? 0 : pair.item < 0 ? 1 : seen[p] ? 2 : 3;
    ++counts[outcome];
    if (outcome == 3) pairs.push_back(pair);
  }
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  report.held_out_unknown_users = counts[0];
  report.held_out_unknown_items = counts[1];
  report.held_out_seen = counts[2];
  report.held_out_pairs = counts[3];
  return pairs;
}

/// For each pair of `future`, whether `past` has it too; both are in order of user and item.
std::vector<std::uint8_t> seen_before(const PairTable& past, const PairTable& future) {
  const auto before = [](const PairTable::Pair& a, const PairTable::Pair& b) {
    if (a.user != b.user) return a.user < b.user;
    return a.item.owner != b.item.owner ? a.item.owner < b.item.owner : a.item.slot < b.item.slot;
  };
  std::vector<std::uint8_t> seen(future.size(), 0);
  auto at = past.pairs.begin();
  for (std::size_t p = 0; p < future.size(); ++p) {
    while (at != past.pairs.end() && before(*at, future.pairs[p])) ++at;
    seen[p] = at != past.pairs.end() && !before(future.pairs[p], *at);
  }
  return seen;
}

}  // namespace

Dataset build_dataset(const Communicator& comm, InteractionLog log, const IngestConfig& config,
                      std::optional<std::int64_t> train_until, CleaningReport& report, PhaseLog& phases) {
  if (train_until && !has_times(config)) {
    throw ConfigError("a time cut needs a time column (--columns time=...)");
  }
  const auto columns = detail::strength_columns(log, config);
  detail::SumPeriod training;
  training.decay_anchor = log.cutoff_time;
  if (train_until) training.until = training.decay_anchor = *train_until;

  PairTable table, future;
  std::vector<std::uint8_t> seen;
  Numbers numbers;
  {
    const auto timer = phases.time("sum pairs", static_cast<Count>(log.events.size()));
    collectively(comm, "sum events to pairs", [&] {
      table = detail::sum_pairs(log, config, columns, training);
      if (train_until) {
        future = detail::sum_pairs(log, config, columns, {.after = *train_until, .decays = false});
      }
      log.events = {};
      log.user_offsets = {};
    });
    report.pairs_taken_back = comm.sum(table.taken_back);
  }
  {
    const auto timer = phases.time("number ids", log.user_ids.size() + log.item_ids.size());
    const auto core = detail::keep_core(comm, table, log.user_ids.size(), log.item_ids.size(),
                                        config.core_users, config.core_items);
    report.users_below_core = core.users_dropped;
    report.items_below_core = core.items_dropped;
    report.pairs_below_core = core.pairs_dropped;
    report.num_pairs = comm.sum(static_cast<Count>(table.size()));
    if (report.num_pairs == 0) {
      throw InputError(
          fmt::format("no user-item pair is left: {} taken back, {} below the core of {} pairs a user "
                      "and {} an item{}",
                      report.pairs_taken_back, report.pairs_below_core, config.core_users, config.core_items,
                      train_until ? ", and none but those before the time cut count" : ""));
    }
    numbers.users = number_by_count(comm, log.user_ids, core.of_user);
    numbers.items = number_by_count(comm, log.item_ids, core.of_item);
    report.num_users = numbers.users.total;
    report.num_items = numbers.items.total;
  }
  const auto timer = phases.time("assemble matrix", static_cast<Count>(table.size()));
  if (train_until) {
    future.type_strength = {};
    future.type_last_time = {};
    seen = seen_before(table, future);
  }
  auto interactions = numbered(comm, std::move(table), numbers);
  const bool ratings = config.ratings != RatingsMode::off;
  if (!ratings) interactions.types = columns;
  auto dataset = assemble_dataset(comm, numbers.users.total, numbers.items.total, std::move(interactions),
                                  ratings ? ValueKind::rating : ValueKind::strength);
  dataset.cutoff_time = train_until.value_or(log.cutoff_time);
  if (log.has_queries) {
    constexpr auto always = std::numeric_limits<std::int64_t>::max();
    dataset.searches = detail::build_searches(comm, log, train_until.value_or(always), numbers.users,
                                              numbers.items, dataset.users);
    report.has_queries = true;
    report.num_queries = dataset.searches->queries.num_rows();
    report.num_searches = comm.sum(dataset.searches->offsets.back());
  }
  fill_texts(comm, log, numbers, dataset);
  if (train_until) {
    const auto held_out = rankable(comm, numbered(comm, std::move(future), numbers), seen, report);
    dataset.held_out = rows_by_owner(comm, dataset.users, dataset.num_items(), held_out);
  }
  return dataset;
}

}  // namespace pushcart
