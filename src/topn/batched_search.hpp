#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::detail {

/// Rows to be served, and what serving one takes.
struct BatchedRows {
  Range owned;                  ///< of this rank
  std::span<const Count> rows;  ///< global indices of those to serve, ascending
  Count num_columns = 0;        ///< things that can be in a list
  Count num_factors = 0;        ///< of the scores, over all ranks
};

/// Serves rows in batches, with checkpoints between them; those that an earlier run has served are not served
/// again. Some seconds of work are one batch. @param search  lists of the rows at these positions.
/// Collective.
TopLists search_in_batches(const Communicator& comm, const BatchedRows& what, RowCheckpoints& checkpoints,
                           const std::function<TopLists(const std::vector<Count>& positions)>& search,
                           const std::string& source);

}  // namespace pushcart::detail
