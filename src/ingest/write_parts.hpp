#pragma once

#include "ingest/rejects.hpp"

namespace pushcart::detail {

/// Writes what was parsed since the last call, log.unwritten, into a new file of kept parts. Log files that
/// have changed while they were read are not kept. What goes wrong is told in the log and in `kept`, and
/// nothing is collected any more. Collective.
/// @return bytes of the file; 0 if nothing is new or it could not be written
Count write_parts(const Communicator& comm, const IngestConfig& config, ReadLog& log, KeptEvents& kept);

}  // namespace pushcart::detail
