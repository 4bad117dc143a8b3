#pragma once

#include "ingest/find_texts.hpp"
#include "ingest/rejects.hpp"

namespace pushcart::detail {

/// Of log files that write_parts() would read once more, were all of log.unwritten written now. Collective.
Count bytes_to_digest(const Communicator& comm, const ReadLog& log);

/// Writes the first of log.unwritten, at most so many rows of this rank, into new files of kept parts, each of
/// log.rows_written_at_once. Log files that have changed while they were read are not kept. What goes wrong is
/// told in the log and in `kept`, and nothing is collected any more. Collective.
WrittenParts write_parts(const Communicator& comm, const IngestConfig& config, const ReadIds& ids,
                         Count most_rows, ReadLog& log, KeptEvents& kept);

}  // namespace pushcart::detail
