#pragma once

#include "ingest/rejects.hpp"

namespace pushcart::detail {

/// Of log files that write_parts() would read once more, were all of log.unwritten written now. Collective.
Count bytes_to_digest(const Communicator& comm, const ReadLog& log);

/// Writes the first of log.unwritten, at most so many rows of this rank, into a new file of kept parts. Log
/// files that have changed while they were read are not kept. What goes wrong is told in the log and in
/// `kept`, and nothing is collected any more. Collective.
WrittenParts write_parts(const Communicator& comm, const IngestConfig& config, Count most_rows, ReadLog& log,
                         KeptEvents& kept);

}  // namespace pushcart::detail
