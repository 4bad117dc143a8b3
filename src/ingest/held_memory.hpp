#pragma once

#include "ingest/read_log.hpp"
#include "ingest/spread_ids.hpp"

namespace pushcart::detail {

/// What is held of the rows read so far, and what the steps after reading will add for them. Local.
Count held_bytes(const IngestConfig& config, const ReadLog& log, const SpreadIds& users,
                 const SpreadIds& items, const SpreadIds& queries);
/// What is held beside that of rows in no checkpoint, and its longest column while it is written. Local.
Count held_unwritten_bytes(const ReadLog& log);

}  // namespace pushcart::detail
