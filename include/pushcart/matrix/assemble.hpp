#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// One user-item pair by global indices, as it comes from the numbering, on any rank.
struct Interaction {
  Count user = 0;
  Count item = 0;
  std::int64_t last_time = 0;
  float value = 0;
};

/// Pairs on any ranks in any order, each pair at most once in the whole job. The columns an event type are
/// row-major, a row an interaction: `num_types` entries (none if num_types is 0: then one column "event" is
/// made from the values).
struct Interactions {
  std::vector<Interaction> pairs;
  std::vector<std::string> types;
  std::vector<float> type_strength;
  std::vector<std::int64_t> type_last_time;
};

/// Cuts users and items over the ranks by predicted work and brings every interaction to the owner of its user
/// and to the owner of its item. Fills users, items, by_user, by_item, last_time, events; names are empty.
/// Collective. InternalError on repeated pairs or indices out of range.
Dataset assemble_dataset(const Communicator& comm, Count num_users, Count num_items, Interactions interactions,
                         ValueKind value_kind);

/// Cuts rows over the ranks by predicted work: a constant a row and a unit an interaction. `granule_entries[g]`
/// counts the interactions of granule g (Partition::granule). Local.
Partition partition_by_work(Count num_rows, std::span<const Count> granule_entries, int num_ranks);

/// The same, from the row of each entry that this rank has. Collective. InternalError: a row out of range.
Partition partition_by_entries(const Communicator& comm, Count num_rows, std::span<const Count> row_of_entry);

/// Brings pairs to the owners of their users. Collective.
SparseRows rows_by_owner(const Communicator& comm, const Partition& rows, Count num_columns,
                         std::span<const Interaction> pairs);

/// The transpose: owned columns x rows. Collective.
SparseRows transpose(const Communicator& comm, const SparseRows& rows, const Partition& columns,
                     Count num_rows_global);

/// Brings text rows from wherever they are to the owners of their indices; a text of index -1 stays away. Indices not
/// mentioned get empty text; each at most once. Collective.
StringTable strings_by_owner(const Communicator& comm, const Partition& partition, std::span<const Count> indices,
                             const StringTable& texts);

}  // namespace pushcart
