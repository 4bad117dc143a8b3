#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// An item in someone's history or list.
struct ViewEntry {
  Count item = 0;                   ///< global index
  float value = 0;                  ///< history: strength or rating; list: score
  std::int64_t time = 0;            ///< history: last event, unix seconds, 0 = unknown
  std::uint8_t source = 0;          ///< list: index into UserViews::source_names
  std::vector<Count> because = {};  ///< list: the user's items that speak for it, the best first
};

/// A user as people look at one.
struct UserView {
  Count index = 0;
  std::string id;
  Count num_interactions = 0;
  std::vector<ViewEntry> history;  ///< latest first (strongest first without times), cut to the limit
  std::vector<ViewEntry> list;     ///< best first, cut to the limit
};

struct ItemView {
  Count index = 0;
  std::string id;
  std::string name;  ///< empty if none
  Count num_users = 0;
  std::vector<ViewEntry> similar;  ///< nearest first
};

/// Some users and every item that they or the choice of items mention; on rank 0 only, empty elsewhere.
struct UserViews {
  std::vector<UserView> users;  ///< ascending index
  std::vector<ItemView> items;  ///< ascending index
  std::vector<std::string> source_names;
  Count total_users = 0;  ///< in the dataset
  Count total_items = 0;
  bool has_times = false;
  bool has_reasons = false;  ///< the lists say why
  ValueKind value_kind = ValueKind::strength;

  const ItemView& item(Count index) const;  ///< InternalError if it is not here
};

struct ViewLimits {
  Count history = 30;       ///< entries a user
  Count list = 20;          ///< entries a user
  Count similar = 10;       ///< entries an item
  Count popular_items = 0;  ///< the first so many items (the most popular) are here whether mentioned or not
};

/// Up to `max_users` users evenly spaced over the users that have lists (all users if none has), from the one
/// with the most interactions to the one with the fewest, both included. Collective. @return global indices,
/// ascending, equal on all ranks
std::vector<Count> spaced_users(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                                Count max_users);

/// Brings users with history and list to rank 0, with their items. What rank 0 holds is bounded by users and
/// limits. Collective.
/// @param users    global indices, ascending, equal on all ranks
/// @param similar  similar items of owned items; may be null (on all ranks)
UserViews gather_user_views(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                            std::span<const Count> users, const ViewLimits& limits,
                            const TopLists* similar = nullptr);

}  // namespace pushcart
