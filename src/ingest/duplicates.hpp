#pragma once

#include <span>
#include <vector>

#include "ingest/stored_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart::detail {

/// Flags every row whose hash an earlier row of the job has (earlier: lower rank, or before it on this rank).
/// Hashes meet at the rank that owns them, some millions at a time. With Dedupe::event only rows that are
/// events with a user and an item are compared. Collective.
/// @param slice_rows  about how many rows of a rank are compared at a time
void flag_duplicates(const Communicator& comm, std::vector<RowBatch>& batches, Dedupe dedupe,
                     Count slice_rows = Count{1} << 22);

/// 1 for each hash that equals an earlier one. Local.
std::vector<std::uint8_t> repeats_of(std::span<const LineHash> hashes);

}  // namespace pushcart::detail
