#pragma once

#include <vector>

#include "ingest/stored_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart::detail {

/// Flags all rows of users with more events on one day (UTC) or more distinct items than the limits, counted
/// over rows that no enabled check up to here dropped. Decided by the owner of the user. Collective.
void flag_bots(const Communicator& comm, std::vector<RowBatch>& batches, const IngestConfig& config,
               FaultMask enabled);

}  // namespace pushcart::detail
