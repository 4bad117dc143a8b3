#include <algorithm>
#include <limits>

#include "matrix/exchange/planned_rows.hpp"
#include "matrix/exchange/replicated_rows.hpp"
#include "pushcart/comm/node_window.hpp"
#include "pushcart/matrix/exchange_forecast.hpp"

namespace pushcart {

FetchedRows count_fetched_rows(const WorkRows& rows, Range owned, const ExchangeSettings& settings) {
  if (settings.method == ExchangeMethod::sparse) {
    const Count columns = count_remote_columns(rows, owned);
    return {columns, columns};
  }
  const BatchTotals totals = count_batches(rows, owned, stream_batch_rows(settings));
  return {totals.fetched_rows, 2 * totals.largest_batch_rows};
}

FetchedRows fetched_rows_of(Count num_remote_columns, const ExchangeSettings& settings) {
  if (settings.method == ExchangeMethod::sparse) return {num_remote_columns, num_remote_columns};
  return {num_remote_columns, 2 * std::min(num_remote_columns, stream_batch_rows(settings))};
}

ExchangeForecast forecast_fetching(const FetchedRows& rows, Count listed_rows,
                                   const ExchangeSettings& settings) {
  // What is on its way out at once are different rows of those listed.
  const Count outgoing = std::min(PlannedRows::outgoing_bytes(settings), listed_rows * settings.row_bytes);
  return {rows.fetched * settings.row_bytes,
          rows.kept * settings.row_bytes + outgoing + listed_rows * Count{sizeof(std::int32_t)}};
}

ExchangeForecast forecast_replicating(Count num_rows, const NodePlace& place, Count row_bytes) {
  return {place.is_leader ? (num_rows - place.node_rows) * row_bytes : 0,
          num_rows * row_bytes / place.ranks_on_node};
}

bool has_room_to_replicate(Count num_rows, Count row_bytes, Count shared_bytes) {
  return num_rows <= std::numeric_limits<std::int32_t>::max() && num_rows * row_bytes < shared_bytes;
}

ExchangeForecast FactorExchange::forecast(const Communicator& comm, const WorkRows& rows,
                                          const Partition& columns, const ExchangeSettings& settings) {
  if (comm.size() == 1) return {};
  if (settings.method == ExchangeMethod::replicate) {
    const NodeOrder order(comm, columns);
    const NodePlace place{order.node_rows(order.own_node()).size(), order.ranks_on_node(), order.is_leader()};
    return forecast_replicating(columns.num_rows(), place, settings.row_bytes);
  }
  const FetchedRows fetched = count_fetched_rows(rows, columns.range(comm.rank()), settings);
  // Each row needed somewhere is on the list of who sends it: evenly shared, as many as are fetched.
  return forecast_fetching(fetched, comm.sum(fetched.fetched) / comm.size(), settings);
}

bool FactorExchange::can_replicate(const Communicator& comm, const Partition& columns, Count row_bytes) {
  return comm.all(has_room_to_replicate(columns.num_rows(), row_bytes, free_shared_bytes()));
}

}  // namespace pushcart
