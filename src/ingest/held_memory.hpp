#pragma once

#include "ingest/read_log.hpp"
#include "ingest/spread_ids.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

/// What is held of the rows read so far, and what the steps after reading will add for them. Local.
Count held_bytes(const IngestConfig& config, const ReadLog& log, const SpreadIds& users,
                 const SpreadIds& items, const SpreadIds& queries);
/// What is held beside that of rows in no checkpoint. Local.
Count held_unwritten_bytes(const ReadLog& log);
/// Of a checkpoint's rows, with their texts: as many as find room in memory that is planned for what follows
/// the reading, or that --memory-per-rank leaves free; a chunk at least. Local.
Count rows_written_at_once(const IngestConfig& config, const IngestSizes& sizes);

}  // namespace pushcart::detail
