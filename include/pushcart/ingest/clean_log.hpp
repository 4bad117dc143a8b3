#pragma once

#include <memory>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart {

/// Reads and cleans a log: every rank reads its share of the input, every check is made on every row,
/// rejected rows go to config.rejects_path (gzip CSV: file, line, reason, text; its text does not depend on
/// the ranks), and the rows that stay come to the owners of their users. A log that is refused leaves that
/// file as it was: its rejected rows are then in refused_rejects_path(). Collective.
/// @param rejects  gets the file of rejected rows, to be named with the data set; nullptr: it is named here
/// @param kept  what earlier runs have parsed, and gets what this one does; nullptr: all is parsed, nothing kept
/// @throws ConfigError, StorageError, InputError (damaged input, more bad rows than --max-rejects, nothing
/// left),
///         the same on all ranks
InteractionLog clean_log(const Communicator& comm, const IngestConfig& config, CleaningReport& report,
                         PhaseLog& phases, std::unique_ptr<StagedOutput>* rejects = nullptr,
                         KeptEvents* kept = nullptr);

/// "out/rejects.csv.gz" -> "out/refused-rejects.csv.gz".
std::string refused_rejects_path(const std::string& rejects_path);

}  // namespace pushcart
