#include "pushcart/feed/user_view.hpp"

#include <algorithm>

#include "feed/gather_serialized.hpp"
#include "feed/item_labels.hpp"
#include "feed/named_lists.hpp"
#include "pushcart/base/error.hpp"

namespace boost::serialization {

template <class Archive>
void serialize(Archive& archive, pushcart::ViewEntry& entry, unsigned) {
  archive& entry.item& entry.value& entry.time& entry.source& entry.because;
}
template <class Archive>
void serialize(Archive& archive, pushcart::UserView& user, unsigned) {
  archive& user.index& user.id& user.num_interactions& user.history& user.list;
}
template <class Archive>
void serialize(Archive& archive, pushcart::ItemView& item, unsigned) {
  archive& item.index& item.id& item.name& item.num_users& item.similar;
}

}  // namespace boost::serialization

namespace pushcart {

namespace {

/// Position i of `chosen` positions evenly spaced over `total`, first and last included.
Count spaced_position(Count i, Count chosen, Count total) {
  return chosen < 2 ? 0 : i * (total - 1) / (chosen - 1);
}

void shorten(std::vector<ViewEntry>& entries, Count limit) {
  if (static_cast<Count>(entries.size()) > limit) entries.resize(static_cast<std::size_t>(limit));
}

std::vector<ViewEntry> history_of(const Dataset& dataset, Count local_user, Count limit) {
  std::vector<ViewEntry> history;
  const auto columns = dataset.by_user.row_columns(local_user);
  const auto values = dataset.by_user.row_values(local_user);
  const auto first = static_cast<std::size_t>(dataset.by_user.offsets[static_cast<std::size_t>(local_user)]);
  for (std::size_t entry = 0; entry < columns.size(); ++entry) {
    const std::int64_t time = dataset.last_time.empty() ? 0 : dataset.last_time[first + entry];
    history.push_back({columns[entry], values[entry], time, 0});
  }
  std::sort(history.begin(), history.end(), [](const ViewEntry& a, const ViewEntry& b) {
    if (a.time != b.time) return a.time > b.time;
    return a.value != b.value ? a.value > b.value : a.item < b.item;
  });
  shorten(history, limit);
  return history;
}

/// The list of an owned row, empty if it has none. `sources[s]`: position of label s in the common table.
std::vector<ViewEntry> list_of(const TopLists& lists, Count index, std::span<const std::uint8_t> sources,
                               Count limit) {
  const auto known_end = std::find(lists.rows.begin(), lists.rows.end(), -1);
  const auto found = std::lower_bound(lists.rows.begin(), known_end, index);
  std::vector<ViewEntry> list;
  if (found == known_end || *found != index) return list;
  const auto row = static_cast<std::size_t>(found - lists.rows.begin());
  const Count end = std::min(lists.offsets[row + 1], lists.offsets[row] + limit);
  for (Count entry = lists.offsets[row]; entry < end; ++entry) {
    const auto position = static_cast<std::size_t>(entry);
    list.push_back({lists.items[position], lists.scores[position], 0, sources[lists.sources[position]],
                    items_that_speak_for(lists, entry)});
  }
  return list;
}

std::vector<std::uint8_t> positions_of_labels(const TopLists& lists, const std::vector<std::string>& labels) {
  std::vector<std::uint8_t> positions;
  for (const auto& name : lists.source_names) {
    positions.push_back(
        static_cast<std::uint8_t>(std::lower_bound(labels.begin(), labels.end(), name) - labels.begin()));
  }
  return positions;
}

std::vector<UserView> own_users(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                                std::span<const Count> users, const ViewLimits& limits,
                                const std::vector<std::string>& labels) {
  const Range owned = dataset.users.range(comm.rank());
  const auto sources = positions_of_labels(lists, labels);
  std::vector<UserView> views;
  for (Count user : users) {
    if (!owned.contains(user)) continue;
    const Count local = user - owned.begin;
    views.push_back({user, std::string(dataset.user_ids[local]), dataset.by_user.row_length(local),
                     history_of(dataset, local, limits.history), list_of(lists, user, sources, limits.list)});
  }
  return views;
}

void keep_distinct(std::vector<Count>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

/// Items that the users mention, and the most popular ones.
std::vector<Count> items_to_show(const std::vector<UserView>& users, Count num_items,
                                 const ViewLimits& limits) {
  std::vector<Count> items;
  for (const UserView& user : users) {
    for (const auto* entries : {&user.history, &user.list}) {
      for (const ViewEntry& entry : *entries) {
        items.push_back(entry.item);
        items.insert(items.end(), entry.because.begin(), entry.because.end());
      }
    }
  }
  for (Count item = 0; item < std::min(limits.popular_items, num_items); ++item) items.push_back(item);
  keep_distinct(items);
  return items;
}

/// Views of `items` (rank 0's choice) from their owners, on rank 0.
std::vector<ItemView> gather_items(const Communicator& comm, const Dataset& dataset, std::vector<Count> items,
                                   const TopLists* similar, Count num_similar) {
  comm.broadcast_resized(items, 0);
  const Range owned = dataset.items.range(comm.rank());
  const std::vector<std::uint8_t> no_labels(256, 0);
  std::vector<ItemView> views;
  for (auto item = std::lower_bound(items.begin(), items.end(), owned.begin);
       item != items.end() && *item < owned.end; ++item) {
    const Count local = *item - owned.begin;
    const bool has_name = local < dataset.item_names.size();
    views.push_back({*item,
                     std::string(dataset.item_ids[local]),
                     has_name ? std::string(dataset.item_names[local]) : std::string(),
                     dataset.by_item.row_length(local),
                     {}});
    if (similar != nullptr) views.back().similar = list_of(*similar, *item, no_labels, num_similar);
  }
  return gather_serialized(comm, views);
}

/// Items that are similar to some that are shown, but not shown themselves.
std::vector<Count> similar_to_add(const std::vector<ItemView>& items) {
  std::vector<Count> shown;
  std::vector<Count> mentioned;
  for (const ItemView& item : items) {
    shown.push_back(item.index);
    for (const ViewEntry& entry : item.similar) mentioned.push_back(entry.item);
  }
  keep_distinct(mentioned);
  std::vector<Count> missing;
  std::set_difference(mentioned.begin(), mentioned.end(), shown.begin(), shown.end(),
                      std::back_inserter(missing));
  return missing;
}

}  // namespace

const ItemView& UserViews::item(Count index) const {
  const auto found = std::lower_bound(items.begin(), items.end(), index,
                                      [](const ItemView& view, Count wanted) { return view.index < wanted; });
  PUSHCART_CHECK(found != items.end() && found->index == index);
  return *found;
}

std::vector<Count> spaced_users(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                                Count max_users) {
  const auto known_end = std::find(lists.rows.begin(), lists.rows.end(), -1);
  const Count num_known = known_end - lists.rows.begin();
  const Count total = comm.sum(num_known);
  const Count first = comm.exclusive_sum(num_known);
  std::vector<Count> users;
  if (total == 0) {
    const Count chosen = std::min(max_users, dataset.num_users());
    for (Count i = 0; i < chosen; ++i) users.push_back(spaced_position(i, chosen, dataset.num_users()));
    return users;
  }
  const Count chosen = std::min(max_users, total);
  for (Count i = 0; i < chosen; ++i) {
    const Count local = spaced_position(i, chosen, total) - first;
    if (0 <= local && local < num_known) users.push_back(lists.rows[static_cast<std::size_t>(local)]);
  }
  return comm.allgather(std::span<const Count>(users)).data;
}

UserViews gather_user_views(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                            std::span<const Count> users, const ViewLimits& limits, const TopLists* similar) {
  const auto labels = labels_in_use(comm, lists);
  UserViews views;
  views.users = gather_serialized(comm, own_users(comm, dataset, lists, users, limits, labels));
  views.items = gather_items(comm, dataset, items_to_show(views.users, dataset.num_items(), limits), similar,
                             limits.similar);
  if (similar != nullptr) {
    auto more = gather_items(comm, dataset, similar_to_add(views.items), nullptr, 0);
    views.items.insert(views.items.end(), std::make_move_iterator(more.begin()),
                       std::make_move_iterator(more.end()));
    std::sort(views.items.begin(), views.items.end(),
              [](const ItemView& a, const ItemView& b) { return a.index < b.index; });
  }
  views.source_names = labels;
  views.total_users = dataset.num_users();
  views.total_items = dataset.num_items();
  views.has_times = dataset.cutoff_time != 0;
  views.has_reasons = comm.any(lists.reasons.has_value());
  views.value_kind = dataset.value_kind;
  return views;
}

}  // namespace pushcart
