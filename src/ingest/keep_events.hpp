#pragma once

#include <memory>

#include "ingest/rejects.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

/// Tells in the log and in `kept` that nothing is kept.
void not_kept(KeptEvents& kept, const CollectiveError& error);

/// Writes what was parsed into a new file of kept events, but for its name; with it go those that serve no
/// more. Log files that have changed while they were read are not kept. Uses log.to_keep up. What goes wrong,
/// also when the file takes its name, is told in the log and in `kept`. Collective.
/// @return nullptr if nothing is new and nothing is to go
std::unique_ptr<StagedOutput> stage_kept(const Communicator& comm, const IngestConfig& config, ReadLog& log,
                                         KeptEvents& kept);

}  // namespace pushcart::detail
