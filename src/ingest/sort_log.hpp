#pragma once

#include <string>
#include <vector>

#include "ingest/stored_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Brings the rows that no enabled check drops to the owners of their users, and sorts them by user, item,
/// time and input order. Fills events, details (if log.has_details) and user_offsets of `log`, whose user_ids
/// are there; frees the batches. `type_numbers` turns the types of rows into positions in log.types.
/// Collective.
void collect_events(const Communicator& comm, std::vector<RowBatch>& batches, FaultMask enabled,
                    const std::vector<std::uint16_t>& type_numbers, InteractionLog& log);

/// Brings the queries of the rows that no enabled check drops to the owners of their users, as log.searches.
/// Before collect_events(). Collective.
void collect_searches(const Communicator& comm, const std::vector<RowBatch>& batches, FaultMask enabled,
                      InteractionLog& log);

}  // namespace pushcart::detail
