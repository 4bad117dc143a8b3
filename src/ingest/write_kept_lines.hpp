#pragma once

#include "ingest/rejects.hpp"

namespace pushcart::detail {

/// Rows of a rank that go into a file of parts at once: write_kept_lines() holds their longest column once more.
inline constexpr Count most_written_rows = Count{1} << 20;

/// Writes the first of log.to_keep that is in no checkpoint yet, at most so many rows of this rank, into new
/// files of kept parts; it stays there, to be kept whole in the end. Log files that have changed while they
/// were read are left out. What goes wrong is told in the log and in `kept`. Collective.
WrittenParts write_kept_lines(const Communicator& comm, const IngestConfig& config, Count most_rows,
                              ReadLog& log, KeptEvents& kept);

}  // namespace pushcart::detail
