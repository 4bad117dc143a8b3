#include "pushcart/matrix/with_new_items.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "matrix/add_items.hpp"
#include "matrix/merge_texts.hpp"
#include "matrix/row_routing.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

/// Pairs by user, and what lies beside them.
struct PairRows {
  SparseRows rows;
  std::vector<std::int64_t> last_time;
  std::vector<EventColumn> events;
};

/// The log's pairs of known users, at their owners and by the indices there.
/// @param users, items  indices of the log's owned users and items; -1 = unknown
PairRows pairs_of_known_users(const Communicator& comm, const Dataset& known, const Dataset& log,
                              const std::vector<Count>& users, const std::vector<Count>& items) {
  const auto item_of_entry = fetch_values<Count>(comm, log.items, items, log.by_user.columns);
  std::vector<Count> user_of, entry_of;
  for (Count row = 0; row < log.by_user.num_rows(); ++row) {
    if (users[at(row)] < 0) continue;
    for (Count e = log.by_user.offsets[at(row)]; e < log.by_user.offsets[at(row) + 1]; ++e) {
      user_of.push_back(users[at(row)]);
      entry_of.push_back(e);
    }
  }
  detail::RowRouting routing(
      comm, known.users, known.num_items(), entry_of.size(), [&](std::size_t i) { return user_of[i]; },
      [&](std::size_t i) { return item_of_entry[at(entry_of[i])]; });
  const auto bring = [&](const auto& values) {
    return routing.bring([&](std::size_t i) { return values[at(entry_of[i])]; });
  };
  PairRows pairs;
  pairs.rows.rows = known.users.range(comm.rank());
  pairs.rows.num_columns = known.num_items();
  pairs.rows.offsets = routing.offsets();
  pairs.rows.columns = routing.take_columns();
  pairs.rows.values = bring(log.by_user.values);
  pairs.last_time = bring(log.last_time);
  for (const EventColumn& column : log.events) {
    pairs.events.push_back({column.type, bring(column.strength), bring(column.last_time)});
  }
  return pairs;
}

/// Both in one, pair by pair.
class Merge {
 public:
  Merge(const PairRows& a, const PairRows& b, ValueKind kind) : sides_{&a, &b}, kind_(kind) {
    merged_.rows.rows = a.rows.rows;
    merged_.rows.num_columns = b.rows.num_columns;
    for (const PairRows* side : sides_) {
      for (const EventColumn& column : side->events) add_type(column.type);
    }
    for (std::size_t side = 0; side < 2; ++side) {
      for (const EventColumn& column : sides_[side]->events) type_of_[side].push_back(add_type(column.type));
    }
  }

  PairRows take() {
    for (Count row = 0; row < merged_.rows.num_rows(); ++row) {
      merge_row(row);
      merged_.rows.offsets.push_back(merged_.rows.num_entries());
    }
    return std::move(merged_);
  }

 private:
  std::size_t add_type(const std::string& type) {
    auto& events = merged_.events;
    const auto found =
        std::find_if(events.begin(), events.end(), [&](const EventColumn& one) { return one.type == type; });
    if (found != events.end()) return static_cast<std::size_t>(found - events.begin());
    events.push_back({type, {}, {}});
    return events.size() - 1;
  }

  void merge_row(Count row) {
    std::array<Count, 2> next{}, end{};
    for (std::size_t side = 0; side < 2; ++side) {
      next[side] = sides_[side]->rows.offsets[at(row)];
      end[side] = sides_[side]->rows.offsets[at(row) + 1];
    }
    constexpr Count none = std::numeric_limits<Count>::max();
    const auto item = [&](std::size_t side) {
      return next[side] < end[side] ? sides_[side]->rows.columns[at(next[side])] : none;
    };
    while (next != end) {
      const Count lowest = std::min(item(0), item(1));
      const std::array<bool, 2> has{item(0) == lowest, item(1) == lowest};
      start_pair(lowest);
      for (std::size_t side = 0; side < 2; ++side) {
        if (has[side]) add(side, at(next[side]++));
      }
      finish_pair();
    }
  }

  void start_pair(Count item) {
    merged_.rows.columns.push_back(item);
    merged_.rows.values.push_back(0);
    merged_.last_time.push_back(before_all);
    for (EventColumn& column : merged_.events) {
      column.strength.push_back(0);
      column.last_time.push_back(before_all);
    }
  }

  /// The log comes second.
  void add(std::size_t side, std::size_t entry) {
    const PairRows& from = *sides_[side];
    combine(from.rows.values[entry], from.last_time[entry], merged_.rows.values.back(),
            merged_.last_time.back());
    for (std::size_t type = 0; type < from.events.size(); ++type) {
      const EventColumn& column = from.events[type];
      // An only type is that of all pairs, also of those rated 0.
      const bool has_type =
          from.events.size() == 1 || column.strength[entry] != 0 || column.last_time[entry] != 0;
      if (!has_type) continue;
      EventColumn& into = merged_.events[type_of_[side][type]];
      combine(column.strength[entry], column.last_time[entry], into.strength.back(), into.last_time.back());
    }
  }

  void combine(float value, std::int64_t time, float& into, std::int64_t& into_time) const {
    if (kind_ == ValueKind::strength) {
      into += value;
    } else if (time >= into_time) {
      into = value;
    }
    into_time = std::max(into_time, time);
  }

  void finish_pair() {
    for (EventColumn& column : merged_.events) {
      if (column.last_time.back() == before_all) column.last_time.back() = 0;  // no event of this type
    }
  }

  static constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();
  std::array<const PairRows*, 2> sides_;
  ValueKind kind_;
  std::array<std::vector<std::size_t>, 2> type_of_;
  PairRows merged_;
};

/// Names and attributes that the log has of new items. @param items  new index of the log's owned items, else
/// -1
void bring_texts(const Communicator& comm, const Dataset& log, const std::vector<Count>& items,
                 Dataset& grown) {
  const auto at_owners = [&](const StringTable& texts) {
    return strings_by_owner(comm, grown.items, items, texts);
  };
  if (comm.any(log.item_names.size() > 0)) {
    grown.item_names = detail::merged(at_owners(log.item_names), grown.item_names);
  }
  for (const TextColumn& column : log.item_attributes) {
    detail::merge_column(grown.item_attributes, column.name, at_owners(column.values));
  }
}

}  // namespace

Dataset with_new_items(const Communicator& comm, Dataset known, const Dataset& log, NewItemsReport* report) {
  if (comm.any(known.value_kind != log.value_kind)) {
    throw ConfigError("one of the two data sets has ratings and the other has strengths; ingest both alike");
  }
  if (comm.any((known.cutoff_time == 0) != (log.cutoff_time == 0))) {
    throw ConfigError("one of the two data sets has times and the other has none; ingest both alike");
  }
  const Count num_known = known.num_items();
  std::vector<std::uint8_t> had_pairs;
  for (Count row = 0; row < known.by_item.num_rows(); ++row)
    had_pairs.push_back(known.by_item.row_length(row) > 0);
  const Partition items_before = known.items;

  const auto found = DictionaryLookup(comm, known.items, known.item_ids).find(log.item_ids);
  StringTable new_ids;
  for (Count row = 0; row < log.item_ids.size(); ++row) {
    if (found[at(row)] < 0) new_ids.push_back(log.item_ids[row]);
  }
  const Count num_new = detail::add_items(comm, known, new_ids);
  const auto items = DictionaryLookup(comm, known.items, known.item_ids).find(log.item_ids);
  const auto users = DictionaryLookup(comm, known.users, known.user_ids).find(log.user_ids);

  const PairRows later = pairs_of_known_users(comm, known, log, users, items);
  PairRows before{std::move(known.by_user), std::move(known.last_time), std::move(known.events)};
  PairRows both = Merge(before, later, known.value_kind).take();
  known.by_user = std::move(both.rows);
  known.last_time = std::move(both.last_time);
  known.events = std::move(both.events);
  known.by_item = transpose(comm, known.by_user, known.items, known.num_users());
  known.digest.clear();  // another content
  known.cutoff_time = std::max(known.cutoff_time, log.cutoff_time);
  known.held_out = {known.by_user.rows, known.num_items(), {}, {}, {}};
  known.held_out.offsets.assign(at(known.held_out.num_rows()) + 1, 0);
  std::vector<Count> new_items = items;
  for (Count& item : new_items) item = item < num_known ? -1 : item;
  bring_texts(comm, log, new_items, known);

  if (report) {
    std::vector<Count> old_columns;
    for (const Count item : later.rows.columns) {
      if (item < num_known) old_columns.push_back(item);
    }
    const auto was_there = fetch_values<std::uint8_t>(comm, items_before, had_pairs, old_columns);
    const auto num_learned = std::count(was_there.begin(), was_there.end(), std::uint8_t{1});
    report->num_new_items = num_new;
    report->num_pairs = comm.sum(later.rows.num_entries());
    report->num_new_pairs = report->num_pairs - comm.sum(static_cast<Count>(num_learned));
    report->num_unknown_pairs = comm.sum(log.by_user.num_entries()) - report->num_pairs;
  }
  return known;
}

DatasetSizes plan_new_items(MemoryPlan& plan, const Communicator& comm, const Dataset& known,
                            const Dataset& log) {
  const auto own_share = [&](Count of_all) { return (of_all + comm.size() - 1) / comm.size(); };
  const DatasetSizes coming = sizes_of(log);
  const Count pairs = own_share(comm.sum(coming.user_entries));
  DatasetSizes grown = sizes_of(known);
  DatasetSizes merged{.users = 2 * grown.users, .held_out_entries = -1};
  grown.user_entries += pairs;
  grown.item_entries += pairs;
  grown.items += own_share(comm.sum(coming.items));
  grown.texts += own_share(comm.sum(coming.texts));
  grown.text_bytes += own_share(comm.sum(coming.text_bytes));
  for (const EventColumn& column : log.events) {
    grown.event_types += std::ranges::count(known.events, column.type, &EventColumn::type) == 0 ? 1 : 0;
  }
  merged.user_entries = grown.user_entries;
  merged.event_types = grown.event_types;
  plan.add("data set with new items", memory_bytes(grown));
  plan.add("pairs that are merged", memory_bytes(merged));
  // Indices of both ends and of the entry, runs and places.
  plan.add("pairs on their way", pairs * Count{6 * sizeof(Count)});
  return grown;
}

}  // namespace pushcart
