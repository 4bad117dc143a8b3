#pragma once

#include "ingest/read_log.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

/// What this rank's share of the log will take, from a sample at its begin. Collective.
IngestSizes sizes_of(const Communicator& comm, const ParseSettings& settings, const ReadLog& log);

/// Whether reading takes some rank longer than some ten seconds: a shorter one is not worth collecting what
/// checkpoints hold, unless somebody asks for them. Collective.
bool is_long(const Communicator& comm, const LogShare& share);

}  // namespace pushcart::detail
