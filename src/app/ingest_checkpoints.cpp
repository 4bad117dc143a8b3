#include "app/ingest_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "app/last_step.hpp"
#include "app/paths.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ingest/kept_parts.hpp"

namespace pushcart::app {

namespace {

/// What follows the reading of a log, in the time that all of it takes to read: a half at most.
constexpr double rest_of_reading = 0.5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string bytes_text(Count num_bytes) {
  return pushcart::bytes_text(static_cast<double>(num_bytes));
}

}  // namespace

void declare_ingest_checkpoints(OptionSet& options, IngestCheckpointOptions& checkpoints) {
  declare_checkpoints(options, checkpoints.checkpoints, CheckpointFolderOption::declared);
  declare_stop(options, checkpoints.stop);
}

void complete(IngestCheckpointOptions& checkpoints, const std::string& output) {
  CheckpointOptions& options = checkpoints.checkpoints;
  if (options.every.sweeps > 0) throw ConfigError("--checkpoint-every: an ingest has rows, and no sweeps");
  if (options.folder.empty()) options.folder = checkpoints_beside(output);
}

void check_beside_parts(const Communicator& comm, const IngestCheckpointOptions& options,
                        std::string_view option, const std::string& path) {
  const std::string& folder = options.checkpoints.folder;
  collectively(comm, "checking paths", [&] {
    if (!is_named_as_kept(folder, path)) return;
    throw ConfigError(
        fmt::format("{} {}: a part in --checkpoint {} may be named so; take another name or folder", option,
                    path, folder));
  });
}

IngestCheckpoints::IngestCheckpoints(Session& session, const IngestCheckpointOptions& options,
                                     IngestConfig& config)
    : session_(session), options_(options.checkpoints) {
  limit_time(session, options.stop);
  kept_.folder = options_.folder;
  kept_.checkpoints = this;
  kept_.takes = options_.resume != resume_never;
  if (kept_.takes && options_.resume != resume_auto) kept_.taken_from = options_.resume;
  if (options_.every.rows > 0) config.batch_rows = std::min(config.batch_rows, options_.every.rows);
}

void IngestCheckpoints::begin() {
  StopRequest::catch_signals();
  start_ = round_start_ = last_write_ = Clock::now();
  clock_.begin();
  if (kept_.files_taken + kept_.files_in_part == 0 || session_.results.contains("resumed")) return;
  const Count num_files = kept_.files_taken + kept_.files_parsed;
  log_info("going on after {} of {} log files{}", kept_.files_taken, num_files,
           kept_.files_in_part > 0 ? fmt::format(" and parts of {} more", kept_.files_in_part) : "");
  session_.results["resumed"].push_back(
      {{"checkpoint", kept_.taken_from.empty() ? kept_.folder : kept_.taken_from},
       {"after_rows", kept_.rows_taken}});
}

/// Until it was measured, as on a slow disk.
double IngestCheckpoints::seconds_of_write(const ReadingState& state) const {
  constexpr double slow_seconds_a_row = 0.5e-6;
  return static_cast<double>(state.new_rows) * (seconds_a_row_ > 0 ? seconds_a_row_ : slow_seconds_a_row);
}

/// Rows of a rank that a fortieth of the time since the last write is enough for.
Count IngestCheckpoints::affordable_rows(const ReadingState& state, double ahead_seconds) const {
  constexpr double least_ratio = 40;
  const double seconds = (seconds_since(last_write_) + ahead_seconds) / least_ratio;
  const double share = seconds / std::max(seconds_of_write(state), 1e-9);
  return static_cast<Count>(std::min(share, 1.0) * static_cast<double>(state.most_rows));
}

void IngestCheckpoints::write(Count most_rows, const WriteParts& writer) {
  const auto start = Clock::now();
  WrittenParts written;
  {
    const auto timer = session_.phases.time("write checkpoint");
    written = writer(most_rows);
  }
  last_write_ = Clock::now();
  const double seconds = session_.comm.allreduce(seconds_since(start), Reduce::max);
  clock_.wrote(seconds);
  if (written.num_bytes == 0) return;
  seconds_a_row_ = seconds / static_cast<double>(std::max<Count>(1, written.num_rows));
  log_info("checkpoint of {} rows: {} ({}, {:.2f} s)", written.num_rows, kept_.parts.back(),
           bytes_text(written.num_bytes), seconds);
}

void IngestCheckpoints::between_rounds(const ReadingState& state, const WriteParts& writer) {
  constexpr double caution = 1.2;
  longest_round_ = std::max(longest_round_, seconds_since(round_start_));
  has_parsed_ |= state.new_rows > 0;
  // What follows the last round is not divided.
  const double next = state.is_read ? rest_of_reading * seconds_since(start_) : longest_round_;
  StopReason asked = session_.stop.agreed(session_.comm, caution * (next + 2 * seconds_of_write(state)));
  if (asked == StopReason::time && !has_parsed_)
    asked = StopReason::none;  // or it would never come to an end
  const bool is_due = options_.every.rows > 0
                          ? state.most_rows >= options_.every.rows
                          : clock_.is_due(session_.comm, options_.every.seconds, state.is_read ? next : 0);
  if (state.new_rows > 0 && (asked != StopReason::none || is_due)) {
    const bool writes_all = asked != StopReason::none || options_.every.rows > 0;
    write(writes_all ? state.most_rows : affordable_rows(state, state.is_read ? next : 0), writer);
  }
  if (!kept_.not_kept.empty()) return StopRequest::end_at_signals();
  if (asked != StopReason::none) {
    tell_phases(session_);
    throw StoppedError(fmt::format(
        "stopped, since {}: {} in {}; run the same command again to go on, on any number of ranks",
        reason_text(asked),
        state.is_read ? "all log files are parsed, and only the data set is left to make; what is parsed is"
                      : fmt::format("{} of {} of the log are still to be parsed, what is parsed of it is",
                                    bytes_text(state.bytes_left), bytes_text(state.num_bytes)),
        kept_.folder));
  }
  if (state.is_read) StopRequest::end_at_signals();
  round_start_ = Clock::now();
}

void IngestCheckpoints::remove_at_end() {
  session_.outputs.push_back(std::make_unique<LastStep>(
      session_.comm, [folder = kept_.folder, parts = kept_.parts] { remove_parts(folder, parts); }));
}

}  // namespace pushcart::app
