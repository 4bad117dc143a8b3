#pragma once

#include <span>
#include <string>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart {

/// The files of the log whose events are not kept yet, in their order; how many are is told in the log.
/// Collective; errors as clean_log.
std::vector<InputFile> files_to_keep(const Communicator& comm, const IngestConfig& config, KeptEvents& kept);

/// Parses these files of a log, whose events are not kept yet, and nothing more: their events are kept for a
/// clean_log of the whole of it, and kept.not_kept says if they could not be. What is kept of other files
/// stays. Collective; errors as clean_log.
void keep_log(const Communicator& comm, const IngestConfig& config, std::span<const InputFile> files,
              PhaseLog& phases, KeptEvents& kept);

/// Whether a file of this path would lie among the kept events of a folder under a name as theirs. Local.
bool is_named_as_kept(const std::string& folder, const std::string& path);

/// Removes these of KeptEvents::parts, and the folder if nothing else is in it; what cannot be removed is
/// told in the log. Local.
void remove_parts(const std::string& folder, const std::vector<std::string>& parts);

}  // namespace pushcart
