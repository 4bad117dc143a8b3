#pragma once

#include <string>
#include <string_view>

#include "app/session.hpp"
#include "app/stopping.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart::app {

/// How ingest of many files can be stopped and taken up.
struct IngestParts {
  std::string folder;      ///< where parsed events are kept; empty = ingest is done in one go
  Count files_a_part = 0;  ///< at most; 0 = as many as take some ten minutes
  StopOptions stop;
};
void declare_ingest_parts(OptionSet& options, IngestParts& parts);

/// ConfigError for options that need a folder where there is none, or that make no sense. Local.
void check_parts(const IngestParts& parts);

/// ConfigError if an output of this option would lie where parts do, under a name as theirs. Collective.
void check_beside_parts(const Communicator& comm, const IngestParts& parts, std::string_view option,
                        const std::string& path);

/// Parses the log files part by part and keeps their events, up to where the run is asked to stop:
/// StoppedError. The same command goes on after the parts that are kept. Collective.
/// @return for a read_log of the whole log, to the same bits as without
KeptEvents keep_in_parts(Session& session, const IngestConfig& config, const IngestParts& parts);

/// The parts that the log was read from go when the run has succeeded, after its outputs so far have their
/// names. Collective.
void remove_parts_at_end(Session& session, const KeptEvents& kept);

}  // namespace pushcart::app
