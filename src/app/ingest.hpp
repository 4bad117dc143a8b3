#pragma once

#include "app/ingest_options.hpp"
#include "app/session.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/ingest/kept_events.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::app {

/// A cleaned log and what cleaning found.
struct IngestedLog {
  InteractionLog log;
  CleaningReport report;
  Count received_bytes = 0;  ///< from other ranks, for it
};

/// Whether a time split is asked for.
bool holds_out_by_time(const IngestOptions& options);

enum class HoldOut : int { as_configured, nothing };

/// Reads and cleans the log; the file of rejected rows is named at the end of the run, and so is what is kept of
/// what was parsed. @param kept  as of clean_log. Collective.
IngestedLog read_log(Session& session, IngestOptions& options, KeptEvents* kept = nullptr);

/// From events to a dataset, with attributes and provenance. Collective.
Dataset make_dataset(Session& session, IngestedLog ingested, const IngestOptions& options, const OptionSet& settings,
                     HoldOut hold_out);

}  // namespace pushcart::app
