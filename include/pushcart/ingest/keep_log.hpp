#pragma once

#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart {

/// The files of the log whose events are not kept yet, in their order. Collective; errors as clean_log.
std::vector<InputFile> files_to_keep(const Communicator& comm, const IngestConfig& config, KeptEvents& kept);

/// Parses these files of a log and nothing more: their events are kept for a clean_log of the whole of it,
/// and kept.not_kept says if they could not be. What is kept of other files stays. Collective; errors as
/// clean_log.
void keep_log(const Communicator& comm, const IngestConfig& config, std::span<const InputFile> files,
              PhaseLog& phases, KeptEvents& kept);

/// Removes the files of kept events from a folder, and the folder if nothing else is in it; what cannot be
/// removed is told in the log. Local.
void remove_kept(const std::string& folder);

}  // namespace pushcart
