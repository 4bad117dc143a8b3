#pragma once

#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Which texts of the whole job get a number, by their counts.
struct CountLimits {
  Count least = 1, most = 0;
};

/// What this rank's texts are in the whole job.
struct TextNumbers {
  std::vector<Count> index;  ///< by text of this rank: by count descending, then bytes; -1 = left out
  std::vector<Count> count;  ///< by text of this rank: sum of its counts over all ranks
  Count total = 0;           ///< texts numbered
};

/// Numbers texts that any ranks have, any number of times: the same for any number of ranks. A text is
/// counted by one rank, chosen by its hash. Collective.
TextNumbers number_texts(const Communicator& comm, const StringTable& texts, const std::vector<Count>& counts,
                         const CountLimits& limits);

}  // namespace pushcart
