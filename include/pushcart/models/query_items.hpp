#pragma once

#include <map>
#include <string>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// What a search led to. An act is the latest event of a user with an item, of one event type; sessions are
/// runs of a user's searches and acts without a pause of more than the gap. An act belongs to the user's
/// latest search that is not later, if that is of the same session; one with the item and the time of a
/// search belongs to that. The item of an event with a query counts as an act of the least worth where no act
/// with it belongs to the search: later events hide the acts of a pair.
struct QueryItemConfig {
  double session_gap_minutes = 30;  ///< > 0; nothing to a log without times: there only items of events with
                                    ///< a query count
  /// What an act is worth by its type, >= 0; other types do not count. Empty = every type, each with the mean
  /// strength that a pair has by it.
  std::map<std::string, double> event_weights = {};
  Count memory_budget_bytes = 0;  ///< a rank's budget (--memory-per-rank); 0 = none
};

/// Query-item weights: owned queries x items, sums of the worth of the acts that a query led to, of all
/// users; no rows if the dataset has no searches. The same bits for any number of ranks. Collective.
/// ConfigError for settings out of range and unknown event types, and where what searches led to would take
/// more than the budget.
SparseRows query_items(const Communicator& comm, const Dataset& dataset, const QueryItemConfig& config);

}  // namespace pushcart
