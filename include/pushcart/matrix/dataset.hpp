#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart {

/// What the values of the interactions mean.
enum class ValueKind : int {
  strength,  ///< summed behaviour, > 0, no unit (implicit feedback)
  rating     ///< an explicit rating, any finite number
};

/// One event type's share of the interactions, aligned with the entries of Dataset::by_user.
struct EventColumn {
  std::string type;                      ///< "view", "cart", "purchase" ...
  std::vector<float> strength;           ///< 0 where the pair has no event of this type
  std::vector<std::int64_t> last_time;   ///< unix seconds; 0 where none, or where the log has no times
};

/// A named text column of the users or items that this rank owns.
struct TextColumn {
  std::string name;
  StringTable values;  ///< a row per owned user or item; empty text = unknown
};

/// Dense vectors of the items that this rank owns, made elsewhere of pictures, sounds or texts: row-major,
/// `num_columns` floats an item, of length 1 or all 0 where the item has none.
struct ItemVectors {
  std::string name;
  Count num_columns = 0;
  std::vector<float> values;
};

/// Search queries and the events that have one. Queries are numbered as ids are, by searches, and spread
/// evenly.
struct Searches {
  Partition queries;
  StringTable texts;               ///< of the owned queries
  std::vector<Count> offsets{0};   ///< by owned user: searches [offsets[u], offsets[u + 1])
  std::vector<Count> query;        ///< by user, then time, query and item
  std::vector<Count> item;         ///< of the same event; -1 = not in the data set
  std::vector<std::int64_t> time;  ///< unix seconds; 0 = the log has no times
};

/// A cleaned log, partitioned by user and by item over the ranks: all a model learns from.
struct Dataset {
  Partition users;
  Partition items;
  StringTable user_ids;  ///< outside names of the owned users
  StringTable item_ids;  ///< outside names of the owned items
  StringTable item_names;  ///< readable names of the owned items; empty text = none given
  std::vector<TextColumn> user_attributes;
  std::vector<TextColumn> item_attributes;
  std::vector<ItemVectors> item_vectors;

  ValueKind value_kind = ValueKind::strength;
  SparseRows by_user;  ///< owned users x items
  SparseRows by_item;  ///< owned items x users: the transpose
  std::vector<std::int64_t> last_time;  ///< unix seconds per entry of by_user; 0 = the log has no times
  std::vector<EventColumn> events;      ///< at least one; the same types on all ranks
  std::int64_t cutoff_time = 0;         ///< time of the last event of the log (unix seconds), 0 = no times

  /// Pairs held out by a time split at ingest: owned users x items, value = strength or rating; no rows if the
  /// dataset was made without one. Never contains a pair of by_user.
  SparseRows held_out;

  std::optional<Searches> searches;  ///< of the training part, if a column was mapped to queries

  std::string provenance;  ///< JSON: input names and digests, settings, cleaning report
  std::string digest;      ///< content digest of its file; set by write_dataset and read_dataset

  Count num_users() const { return users.num_rows(); }
  Count num_items() const { return items.num_rows(); }
};

}  // namespace pushcart
