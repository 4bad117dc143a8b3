#include "pushcart/matrix/newcomers.hpp"

#include <limits>

#include "matrix/match_rows.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

/// The pairs of `log` whose item is known, by the known index. @param items  by entry; -1 = unknown
Interactions known_pairs(const Dataset& log, const std::vector<Count>& items) {
  Interactions known;
  for (const EventColumn& column : log.events) known.types.push_back(column.type);
  for (Count row = 0; row < log.by_user.num_rows(); ++row) {
    for (auto e = static_cast<std::size_t>(log.by_user.offsets[static_cast<std::size_t>(row)]);
         e < static_cast<std::size_t>(log.by_user.offsets[static_cast<std::size_t>(row) + 1]); ++e) {
      if (items[e] < 0) continue;
      known.pairs.push_back(
          {log.by_user.rows.begin + row, items[e], log.last_time[e], log.by_user.values[e]});
      for (const EventColumn& column : log.events) {
        known.type_strength.push_back(column.strength[e]);
        known.type_last_time.push_back(column.last_time[e]);
      }
    }
  }
  return known;
}

/// Users who are not known.
StringTable strangers_among(const Communicator& comm, const StringTable& users, const Dataset& known) {
  if (!comm.any(users.size() > 0)) return {};
  const std::vector<Count> found = DictionaryLookup(comm, known.users, known.user_ids).find(users);
  StringTable strangers;
  for (Count row = 0; row < users.size(); ++row) {
    if (found[static_cast<std::size_t>(row)] < 0) strangers.push_back(users[row]);
  }
  return strangers;
}

/// Texts by owned row of one partition to the owners of the same rows in another.
StringTable moved(const Communicator& comm, const StringTable& texts, const Partition& from,
                  const Partition& to) {
  if (!comm.any(texts.size() > 0)) return texts;
  return strings_by_owner(comm, to, indices_of(from.range(comm.rank())), texts);
}

std::vector<TextColumn> moved(const Communicator& comm, const std::vector<TextColumn>& columns,
                              const Partition& from, const Partition& to) {
  std::vector<TextColumn> result;
  for (const TextColumn& column : columns) {
    result.push_back({column.name, moved(comm, column.values, from, to)});
  }
  return result;
}

}  // namespace

Dataset newcomers_among(const Communicator& comm, const Dataset& log, const Dataset& known,
                        NewcomersReport* report, const StringTable& users) {
  const StringTable without_events = strangers_among(comm, users, known);
  const DictionaryLookup lookup(comm, known.items, known.item_ids);
  const std::vector<Count> items =
      fetch_values<Count>(comm, log.items, lookup.find(log.item_ids), log.by_user.columns);
  Interactions pairs = known_pairs(log, items);
  const auto num_kept = static_cast<Count>(pairs.pairs.size());
  TextNumbers numbers = number_texts(comm, without_events,
                                     std::vector<Count>(static_cast<std::size_t>(without_events.size()), 1),
                                     {1, std::numeric_limits<Count>::max()});
  for (Count& number : numbers.index) number += log.num_users();
  Dataset newcomers = assemble_dataset(comm, log.num_users() + numbers.total, known.num_items(),
                                       std::move(pairs), log.value_kind);
  newcomers.cutoff_time = log.cutoff_time;
  newcomers.user_ids = detail::ids_at_owners(comm, newcomers.users, log.users.range(comm.rank()),
                                             log.user_ids, without_events, numbers.index);
  newcomers.user_attributes = moved(comm, log.user_attributes, log.users, newcomers.users);
  newcomers.item_ids = moved(comm, known.item_ids, known.items, newcomers.items);
  newcomers.item_names = moved(comm, known.item_names, known.items, newcomers.items);
  newcomers.item_attributes = moved(comm, known.item_attributes, known.items, newcomers.items);
  newcomers.held_out = {newcomers.users.range(comm.rank()), newcomers.num_items(), {}, {}, {}};
  newcomers.held_out.offsets.assign(static_cast<std::size_t>(newcomers.held_out.num_rows()) + 1, 0);
  if (report) {
    report->num_pairs = comm.sum(num_kept);
    report->num_unknown_pairs = comm.sum(log.by_user.num_entries()) - report->num_pairs;
    Count num_empty = 0;
    for (Count row = 0; row < newcomers.by_user.num_rows(); ++row) {
      num_empty += newcomers.by_user.row_length(row) == 0;
    }
    report->num_empty_users = comm.sum(num_empty);
  }
  return newcomers;
}

}  // namespace pushcart
