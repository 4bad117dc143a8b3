#pragma once

#include "ingest/rejects.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Finds the inputs, announces the memory, reads and parses this rank's share and numbers the ids. Fills
/// `log`, the texts and inputs of `result`, and what the report says of parsing. Collective.
/// @param kept  what earlier runs have parsed; nullptr = all is parsed
void read_log(const Communicator& comm, const ParseSettings& settings, KeptEvents* kept, PhaseLog& phases,
              ReadLog& log, InteractionLog& result, CleaningReport& report);

}  // namespace pushcart::detail
