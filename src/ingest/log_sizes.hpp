#pragma once

#include "ingest/read_log.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

/// What this rank's share of the log will take, from a sample at its begin. Collective.
IngestSizes sizes_of(const Communicator& comm, const ParseSettings& settings, const ReadLog& log);

}  // namespace pushcart::detail
