#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/ingest.hpp"
#include "app/retrain/retrain_options.hpp"
#include "pushcart/store/store.hpp"

namespace pushcart::app {

/// A version that is or was in service.
struct ServedVersion {
  std::string name;
  Count factors = 0;            ///< columns of its ALS factors; 0 = another family
  Count nights_since_cold = 0;  ///< as nights_since_cold() counts them
};

/// What a night begins with, the same on all ranks.
struct Tonight {
  Count number = 0;
  std::int64_t now = 0;               ///< unix seconds
  std::string version;                ///< name of what will be made
  std::string service;                ///< version in service; empty = none yet
  std::int64_t service_cutoff = 0;    ///< last event it has seen, unix seconds
  std::vector<ServedVersion> served;  ///< on disk: the one in service, then those before it, latest first
  std::vector<LogFile> files_before;
  Count bad_rows_before = 0, duplicate_rows_before = 0;  ///< in the log of the night before
  std::vector<std::string> inputs;                       ///< log files to read
  std::vector<LogFile> empty_files;                      ///< of no bytes: not read
};

/// Looks at the store and for the log's files. Collective; the lock is held.
Tonight begin_night(const Communicator& comm, const Store& store, const RetrainOptions& options);

/// What the log that was read says, for the gate. Collective.
LogFacts facts_of_log(const Communicator& comm, const Tonight& tonight, const IngestedLog& ingested,
                      const LogFormat& format);

/// Bad rows but for repeats, which have a bound of their own.
Count bad_rows_of(const CleaningReport& report);

/// The files of tonight's log as they were read, and those that were empty.
std::vector<LogFile> files_of(const Tonight& tonight, const InteractionLog& log, const LogFormat& format);

}  // namespace pushcart::app
