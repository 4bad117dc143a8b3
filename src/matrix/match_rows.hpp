#pragma once

#include <vector>

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

}  // namespace pushcart::detail
