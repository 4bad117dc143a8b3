#pragma once

#include <span>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Final indices of ids that are spread over the ranks.
struct Numbering {
  std::vector<Count> index_of_slot;  ///< by slot of the table given; -1 for ids with count 0
  Count total = 0;                   ///< ids numbered in the whole job
  Count sorted_here = 0;             ///< ids that this rank sorted for the job, a measure of balance
};

/// Numbers ids by (count descending, id bytes ascending): the same for any number of ranks and any spread of
/// the ids over them. Each id lies on one rank only. A sample sort: a rank sorts about 1 / size of the ids.
/// Collective. InternalError if counts and ids differ in number.
Numbering number_by_count(const Communicator& comm, const StringTable& ids, std::span<const Count> counts);

}  // namespace pushcart
