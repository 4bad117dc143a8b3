#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/changed_options.hpp"
#include "app/ingest_options.hpp"
#include "app/session.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/plan/job_plan.hpp"

namespace pushcart::app {

/// The log that `plan` is given in place of a data set, with the options of `ingest`.
class PlannedLog {
 public:
  /// Those of ingest, but --users and --items, and what says where it writes and what it may take.
  void declare(OptionSet& options);
  /// After declare(): "users" or "items", a number without a log, else a file of them.
  void declare_count_or_file(OptionSet& options, const std::string& side, Count& count);

  bool is_given() const { return !ingest_.config.inputs.empty(); }
  const std::vector<std::string>& inputs() const { return ingest_.config.inputs; }
  /// ConfigError for options that say how a log is read, where none is given. Local.
  void check() const;

  /// The data set that becomes of it. Collective over a communicator of one rank; what ingest throws.
  Dataset ingest(Session& session);
  /// By so many ranks; empty if they are too many for one process, or it cannot. After ingest(). Local; what
  /// ingest throws.
  const std::vector<CountedIngest>& counted(int num_ranks);
  Count num_compressed_files() const;

 private:
  IngestOptions ingest_;
  OptionSet settings_;
  ChangedOptions set_;
  std::map<int, std::vector<CountedIngest>> counted_;  ///< by number of ranks
};

}  // namespace pushcart::app
