#pragma once

#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart {

/// The parts of FactorExchange::forecast that need no messages, for planning a job from outside it.

/// Rows of the table that a rank fetches in a pass by `sparse` or `stream`, and holds at once.
struct FetchedRows {
  Count fetched = 0, kept = 0;
};
/// Local.
FetchedRows count_fetched_rows(const WorkRows& rows, Range owned, const ExchangeSettings& settings);
/// The same for rows that are known by number only: so many are fetched, in batches that fill their room.
/// Local.
FetchedRows fetched_rows_of(Count num_remote_columns, const ExchangeSettings& settings);

/// @param listed_rows  of this rank that others fetch, each counted for each of them. Local.
ExchangeForecast forecast_fetching(const FetchedRows& rows, Count listed_rows,
                                   const ExchangeSettings& settings);

/// A rank's place among the nodes of the job.
struct NodePlace {
  Count node_rows = 0;  ///< of the table, owned by the ranks of its node
  Count ranks_on_node = 1;
  bool is_leader = false;  ///< the first rank of its node
};
/// Of `replicate`. Local. @param num_rows  of the table
ExchangeForecast forecast_replicating(Count num_rows, const NodePlace& place, Count row_bytes);

/// Whether a node with so much shared memory can replicate so many rows. Local.
bool has_room_to_replicate(Count num_rows, Count row_bytes, Count shared_bytes);

}  // namespace pushcart
