#pragma once

#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// Rows of a file, spread over the ranks, that belong to an index of the data set.
struct Matches {
  std::vector<Count> rows;     ///< where they stand on this rank
  std::vector<Count> indices;  ///< the index each belongs to, each once in the whole job
};

/// Of rows with the same index, the first in the order of the file stays: the owner of the index decides.
/// Collective. @param index_of_row  of this rank's rows, which continue those of the rank before; -1 = none
Matches first_of_each(const Communicator& comm, const Partition& partition,
                      const std::vector<Count>& index_of_row);

/// Ids that some rows have already and ids that come new to the owners of their rows. Collective.
/// @param ids  of the rows `known`  @param index  by new id: its row; an id may come any number of times
StringTable ids_at_owners(const Communicator& comm, const Partition& partition, Range known,
                          const StringTable& ids, const StringTable& new_ids,
                          const std::vector<Count>& index);

}  // namespace pushcart::detail
