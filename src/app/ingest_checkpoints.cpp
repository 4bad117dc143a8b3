#include "app/ingest_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

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
  if (!options.folder.empty()) return;
  options.folder = checkpoints_beside(output);
  checkpoints.is_beside_output = true;
}

void declare_reading_interval(OptionSet& options, ReadingInterval& every) {
  options.add_named(
      "ingest.checkpoint-every", every,
      "how often while the log is read: 10m, 90s, 1h, 500000rows, or off (then only when stopped); default: as "
      "--checkpoint-every if that is by time or off, else 10m",
      [](const std::string& text) {
        return text.empty() ? ReadingInterval() : ReadingInterval(checkpoint_interval_of(text));
      },
      [](const ReadingInterval& given) { return given ? checkpoint_interval_text(*given) : std::string(); });
}

IngestCheckpointOptions checkpoints_of_reading(const CheckpointOptions& of_work, const ReadingInterval& every,
                                               const std::string& folder) {
  if (every && every->sweeps > 0)
    throw ConfigError("--ingest.checkpoint-every: an ingest has rows, and no sweeps");
  IngestCheckpointOptions options;
  options.checkpoints = checkpoints_of_later_part(of_work, folder);
  CheckpointInterval& interval = options.checkpoints.every;
  if (every) {
    interval = *every;
  } else if (interval.sweeps > 0 || interval.rows > 0) {
    interval = {};
  }
  interval.is_given = every.has_value();
  options.is_beside_output = true;
  options.is_before_long_work = true;
  return options;
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
    : session_(session),
      options_(options.checkpoints),
      is_before_long_work_(options.is_before_long_work) {
  limit_time(session, options.stop);
  kept_.folder = options_.folder;
  const CheckpointInterval& every = options_.every;
  are_asked_for_ = options.stop.max_hours > 0 || (every.is_given && (every.seconds > 0 || every.rows > 0));
  kept_.checkpoints = this;
  kept_.is_of_this_output = options.is_beside_output;
  kept_.takes = options_.resume != resume_never;
  if (kept_.takes && options_.resume != resume_auto) kept_.taken_from = options_.resume;
  if (options_.every.rows > 0) config.batch_rows = std::min(config.batch_rows, options_.every.rows);
}

std::string IngestCheckpoints::options() const {
  return is_before_long_work_ ? "--ingest.checkpoint-every" : ReadingCheckpoints::options();
}

void IngestCheckpoints::begin() {
  StopRequest::catch_signals();
  start_ = round_start_ = last_write_ = Clock::now();
  clock_.begin();
  if (session_.results.contains("resumed")) return;
  const Count rows = kept_.adds_at_end ? kept_.rows_of_parts : kept_.rows_taken;
  if (kept_.adds_at_end && rows > 0) {
    log_info("going on after {} rows that were parsed until an earlier run was stopped", rows);
  } else if (kept_.files_taken + kept_.files_in_part > 0 && !kept_.adds_at_end) {
    log_info("going on after {} rows: {} of {} log files{}", rows, kept_.files_taken,
             kept_.files_taken + kept_.files_parsed,
             kept_.files_in_part > 0 ? fmt::format(" and parts of {} more", kept_.files_in_part) : "");
  } else {
    return;
  }
  session_.results["resumed"].push_back(
      {{"checkpoint", kept_.taken_from.empty() ? kept_.folder : kept_.taken_from}, {"after_rows", rows}});
}

/// Without what log files take that are to be digested before.
double IngestCheckpoints::seconds_of_write(const ReadingState& state) const {
  return seconds_of_any_write_ + static_cast<double>(state.new_rows) * seconds_a_row_;
}

double IngestCheckpoints::seconds_of_digest(const ReadingState& state) const {
  return static_cast<double>(state.bytes_to_digest) * seconds_a_digested_byte_;
}

/// What a write of few rows took says nothing of many, and not every write digests.
void IngestCheckpoints::learn_from(const WrittenParts& written, double write_seconds, double digest_seconds) {
  constexpr Count many_rows = Count{1} << 17, many_bytes = Count{1} << 26;
  if (written.digested_bytes >= many_bytes)
    seconds_a_digested_byte_ = digest_seconds / static_cast<double>(written.digested_bytes);
  if (written.num_rows >= many_rows) {
    seconds_a_row_ = write_seconds / static_cast<double>(written.num_rows);
  } else {
    const double of_rows = static_cast<double>(written.num_rows) * seconds_a_row_;
    seconds_of_any_write_ = std::max(seconds_of_any_write_, write_seconds - of_rows);
  }
}

/// Rows of a rank that a fortieth of the time since the last write is enough for, with the digests of as many
/// log files.
Count IngestCheckpoints::affordable_rows(const ReadingState& state, double ahead_seconds) const {
  constexpr double least_ratio = 40;
  const double seconds = (seconds_since(last_write_) + ahead_seconds) / least_ratio;
  const double share = seconds / std::max(seconds_of_write(state) + seconds_of_digest(state), 1e-9);
  return static_cast<Count>(std::min(share, 1.0) * static_cast<double>(state.most_rows));
}

void IngestCheckpoints::write(Count most_rows, const WriteParts& writer) {
  const auto start = Clock::now();
  const std::size_t parts_before = kept_.parts.size();
  WrittenParts written;
  {
    const auto timer = session_.phases.time("write checkpoint");
    written = writer(most_rows);
  }
  last_write_ = Clock::now();
  std::array<double, 2> seconds{seconds_since(start) - written.digest_seconds, written.digest_seconds};
  session_.comm.allreduce(std::span<double>(seconds), Reduce::max);
  clock_.wrote(seconds[0]);
  rows_written_ += written.num_rows;
  rows_left_out_ += written.num_left_out;
  if (written.num_bytes == 0) return;
  learn_from(written, seconds[0], seconds[1]);
  const std::size_t others = kept_.parts.size() - parts_before - 1;
  log_info("checkpoint of {} rows: {}{} ({}, {:.2f} s{})", written.num_rows, kept_.parts.back(),
           others > 0 ? fmt::format(" and {} before it", others) : "", bytes_text(written.num_bytes),
           seconds[0],
           written.digested_bytes > 0 ? fmt::format("; {} of log files read once more in {:.2f} s",
                                                    bytes_text(written.digested_bytes), seconds[1])
                                      : "");
}

/// What a run that is stopped now leaves.
std::string IngestCheckpoints::kept_text(const ReadingState& state) const {
  if (rows_left_out_ == 0)
    return fmt::format("what is parsed{} is in {}", state.is_read ? "" : " of it", kept_.folder);
  if (rows_written_ == 0)
    return "nothing of what was parsed now is kept, since the log files have changed meanwhile";
  return fmt::format("what is parsed is in {}, but for {} rows of log files that have changed meanwhile",
                     kept_.folder, rows_left_out_);
}

bool IngestCheckpoints::is_due(const ReadingState& state, double ahead_seconds) const {
  const CheckpointInterval& every = options_.every;
  if (every.rows == 0) return clock_.is_due(session_.comm, every.seconds, ahead_seconds);
  return state.most_rows >= every.rows || std::isinf(ahead_seconds);
}

/// A rerun reads it again in no time, and what is left of the reading takes less: neither is worth a
/// checkpoint or a stop before the work that follows, which has its own. Collective.
bool IngestCheckpoints::is_read_fast(const ReadingState& state) const {
  constexpr double fast_seconds = 10;
  if (!state.is_read || !is_before_long_work_ || are_asked_for_) return false;
  return session_.comm.all(!session_.comm.is_root() || seconds_since(start_) < fast_seconds);
}

/// Beyond the next round: what a rerun is to take from there can be written now or never.
double IngestCheckpoints::seconds_to_next_write(const ReadingState& state, bool is_read_fast) const {
  if (!state.is_read) return 0;
  if (is_before_long_work_ && !is_read_fast && !kept_.adds_at_end)
    return std::numeric_limits<double>::infinity();
  return rest_of_reading * seconds_since(start_);
}

void IngestCheckpoints::between_rounds(const ReadingState& state, const WriteParts& writer) {
  constexpr double caution = 1.2;
  longest_round_ = std::max(longest_round_, seconds_since(round_start_));
  has_parsed_ |= state.new_rows > 0;
  // What follows the last round is not divided.
  const double next = state.is_read ? rest_of_reading * seconds_since(start_) : longest_round_;
  const double writing = 2 * seconds_of_write(state) + seconds_of_digest(state);
  StopReason asked = session_.stop.agreed(session_.comm, caution * (next + writing));
  const bool fast = is_read_fast(state);
  if (asked == StopReason::time && (!has_parsed_ || fast))
    asked = StopReason::none;  // or it would never come to an end
  const double until_next = seconds_to_next_write(state, fast);
  const bool due = !fast && is_due(state, until_next);
  if (state.new_rows > 0 && (asked != StopReason::none || due || state.is_over_budget)) {
    const bool writes_all = asked != StopReason::none || options_.every.rows > 0 || state.is_over_budget;
    write(writes_all ? state.most_rows : affordable_rows(state, until_next), writer);
  }
  if (!kept_.not_kept.empty()) return;
  if (asked != StopReason::none) {
    tell_phases(session_);
    throw StoppedError(fmt::format(
        "stopped, since {}: {}{}; run the same command again to go on, on any number of ranks",
        reason_text(asked),
        state.is_read ? "all log files are parsed, and only the data set is left to make; "
                      : fmt::format("{} of {} of the log are still to be parsed, of {} of {} log files, ",
                                    bytes_text(state.bytes_left), bytes_text(state.num_bytes),
                                    state.files_left, state.num_files),
        kept_text(state)));
  }
  round_start_ = Clock::now();
}

void IngestCheckpoints::end() {
  StopRequest::end_at_signals();
}

void IngestCheckpoints::remove_at_end() {
  session_.outputs.push_back(std::make_unique<LastStep>(
      session_.comm, [folder = kept_.folder, parts = kept_.parts, leftovers = kept_.leftovers] {
        remove_parts(folder, parts, leftovers);
      }));
}

}  // namespace pushcart::app
