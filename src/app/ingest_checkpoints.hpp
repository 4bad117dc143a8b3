#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "app/session.hpp"
#include "app/stopping.hpp"
#include "app/work_checkpoints.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart::app {

/// How the reading of a log can be stopped and taken up.
struct IngestCheckpointOptions {
  CheckpointOptions checkpoints;
  StopOptions stop;
  bool is_beside_output = false;  ///< the folder: it is of this output alone
  bool is_before_long_work = false;  ///< of the same run
};
void declare_ingest_checkpoints(OptionSet& options, IngestCheckpointOptions& checkpoints);

/// Options that make no sense are ConfigError. The folder, unless one is named, is beside the output. Local.
void complete(IngestCheckpointOptions& checkpoints, const std::string& output);

/// How often while the log is read, for verbs whose --checkpoint-every is that of the work after it.
using ReadingInterval = std::optional<CheckpointInterval>;
/// As "ingest.checkpoint-every".
void declare_reading_interval(OptionSet& options, ReadingInterval& every);

/// For a log that is read as the first part of a run, in a folder of its own. Nobody counts on them unless
/// they have an interval of their own; without, they take that of the work after it if it is by time.
/// ConfigError. Local.
IngestCheckpointOptions checkpoints_of_reading(const CheckpointOptions& of_work, const ReadingInterval& every,
                                               const std::string& folder);

/// ConfigError if an output of this option would lie where parts of the log do, under a name as theirs.
/// Collective.
void check_beside_parts(const Communicator& comm, const IngestCheckpointOptions& options,
                        std::string_view option, const std::string& path);

/// The checkpoints of reading a log: what was parsed since the last is written to the folder at intervals,
/// and when the run is asked to stop, which then ends with StoppedError. The same command goes on from there.
/// Once the log is read, a signal ends the run at once.
class IngestCheckpoints : public ReadingCheckpoints {
 public:
  /// @param config  gets batches as small as the interval asks. Local; ConfigError.
  IngestCheckpoints(Session& session, const IngestCheckpointOptions& options, IngestConfig& config);
  IngestCheckpoints(const IngestCheckpoints&) = delete;
  IngestCheckpoints& operator=(const IngestCheckpoints&) = delete;

  /// For read_log. @return valid as long as this
  KeptEvents& kept() { return kept_; }
  /// The folder is that of what is kept for later runs: they serve until all is read, and is kept.
  void serve_until_kept() { kept_.adds_at_end = true; }
  bool are_asked_for() const override { return are_asked_for_; }
  std::string options() const override;
  void begin() override;
  void end() override;
  void between_rounds(const ReadingState& state, const WriteParts& write) override;

  /// What was kept of the log goes when the run has succeeded, after its outputs so far have their names.
  /// Local.
  void remove_at_end();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds_of_write(const ReadingState& state) const;
  double seconds_of_digest(const ReadingState& state) const;
  void learn_from(const WrittenParts& written, double write_seconds, double digest_seconds);
  std::string kept_text(const ReadingState& state) const;
  Count affordable_rows(const ReadingState& state, double ahead_seconds) const;
  bool is_due(const ReadingState& state, double ahead_seconds) const;
  double seconds_to_next_write(const ReadingState& state, bool is_read_fast) const;
  bool is_read_fast(const ReadingState& state) const;
  void write(Count most_rows, const WriteParts& writer);

  Session& session_;
  const CheckpointOptions& options_;
  KeptEvents kept_;
  CheckpointClock clock_;
  Clock::time_point start_ = Clock::now(), round_start_ = start_, last_write_ = start_;
  double longest_round_ = 0;
  // Until they are measured, as on a slow disk.
  double seconds_a_row_ = 0.5e-6, seconds_a_digested_byte_ = 5e-9;
  double seconds_of_any_write_ = 0;  // however few its rows
  bool has_parsed_ = false;          // anything in this run
  bool are_asked_for_, is_before_long_work_;
  Count rows_written_ = 0, rows_left_out_ = 0;
};

}  // namespace pushcart::app
