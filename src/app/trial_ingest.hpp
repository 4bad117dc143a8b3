#pragma once

#include <vector>

#include "app/ingest_options.hpp"
#include "app/session.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/plan/job_plan.hpp"

namespace pushcart::app {

/// What came of an ingest, on this rank.
struct TrialIngest {
  Dataset dataset;
  CountedIngest counted;
};

/// Ingests as `ingest` does, but writes nothing. Collective; what ingest throws. @param settings  of
/// `options`
TrialIngest try_ingest(Session& session, IngestOptions options, const OptionSet& settings);

/// What each of so many ranks would read, own and receive: they ingest as threads of this process. Nothing is
/// written. Local; what ingest throws, StorageError if so many threads cannot be started.
std::vector<CountedIngest> count_ingest(const IngestOptions& options, const OptionSet& settings,
                                        int num_ranks);

/// Whether the threads of one process may ingest so: HDF5 is not for several threads at once.
bool is_countable(const IngestOptions& options);

}  // namespace pushcart::app
