#include "app/training_checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "app/stopping.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/models/als_checkpoint.hpp"

namespace pushcart::app {
namespace {

constexpr const char *resume_auto = "auto", *resume_never = "never";

/// Removes the checkpoints as the last of the run's outputs but its record.
class RemoveAtEnd : public StagedOutput {
 public:
  RemoveAtEnd(const Communicator& comm, std::string folder) : comm_(&comm), folder_(std::move(folder)) {}
  void publish() override { CheckpointFolder(*comm_, folder_, als_checkpoint_kind).remove(); }

 private:
  const Communicator* comm_;
  std::string folder_;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

CheckpointInterval checkpoint_interval_of(const std::string& text) {
  if (text == "off") return {0, 0};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  if (error == std::errc{} && number > 0 && number < 1e9) {
    if (unit == "s") return {number, 0};
    if (unit == "m") return {number * 60, 0};
    if (unit == "h") return {number * 3600, 0};
    const bool whole = number == static_cast<int>(number);
    if (whole && (unit == "sweeps" || unit == "sweep")) return {0, static_cast<int>(number)};
  }
  throw ConfigError(fmt::format("'{}' is no interval; write it like 10m, 90s, 1h, 2sweeps, or off", text));
}

std::string checkpoint_interval_text(const CheckpointInterval& interval) {
  if (interval.sweeps > 0) return fmt::format("{}sweeps", interval.sweeps);
  return interval.seconds > 0 ? fmt::format("{}s", interval.seconds) : "off";
}

void declare_checkpoints(OptionSet& options, CheckpointOptions& checkpoints, CheckpointFolderOption folder) {
  if (folder == CheckpointFolderOption::declared) {
    options.add("checkpoint", checkpoints.folder,
                "als: folder of the checkpoints; default: beside the output, model.h5 -> model.checkpoint");
  }
  options.add_named("checkpoint-every", checkpoints.every,
                    "als: how often, between sweeps: 10m, 90s, 1h, 2sweeps, or off (then only when stopped)",
                    checkpoint_interval_of, checkpoint_interval_text);
  options.add(
      "resume", checkpoints.resume,
      "als: go on from a checkpoint: auto (the latest in the folder, if any), never, or the path of one");
  options.add(
      "stop-after-sweeps", checkpoints.stop_after_sweeps,
      "als: write a checkpoint and stop, with exit code 75, after so many sweeps of this run; 0 = do not");
}

TrainingCheckpoints::TrainingCheckpoints(Session& session, const CheckpointOptions& options,
                                         WorkIdentity identity)
    : session_(session),
      options_(options),
      identity_(std::move(identity)),
      folder_(session.comm, options.folder, als_checkpoint_kind) {
  if (options_.stop_after_sweeps < 0) throw ConfigError("--stop-after-sweeps must be 0 or more");
}

std::unique_ptr<FileReader> TrainingCheckpoints::open() {
  if (options_.resume == resume_never) return nullptr;
  if (options_.resume == resume_auto) return folder_.open_latest();
  const auto& comm = session_.comm;
  const bool is_folder = comm.any(comm.is_root() && std::filesystem::is_directory(options_.resume));
  if (!is_folder) return std::make_unique<FileReader>(comm, options_.resume, als_checkpoint_kind);
  auto file = CheckpointFolder(comm, options_.resume, als_checkpoint_kind).open_latest();
  if (!file) throw InputError(options_.resume + ": holds no checkpoint to go on from (--resume)");
  return file;
}

std::optional<AlsState> TrainingCheckpoints::resume(const Dataset& train) {
  const auto timer = session_.phases.time("read checkpoint");
  const auto file = open();
  last_time_ = std::chrono::steady_clock::now();
  if (!file) return std::nullopt;
  const std::string differences = collectively(session_.comm, "reading the checkpoint " + file->path(),
                                               [&] { return identity_differences(*file, identity_); });
  if (!differences.empty()) {
    throw InputError(
        fmt::format("{}: this checkpoint is of another run, with other {}; go on as that was begun, or begin "
                    "anew with --resume never",
                    file->path(), differences));
  }
  AlsState state = read_als_state(session_.comm, *file, train);
  first_sweep_ = sweeps_at_last_ = static_cast<int>(state.sweeps.size());
  if (file->path() == folder_.path(first_sweep_)) last_ = first_sweep_;
  log_info("going on after sweep {}, from {}", first_sweep_, file->path());
  session_.results["resumed"] = {{"checkpoint", file->path()}, {"after_sweep", first_sweep_}};
  return state;
}

bool TrainingCheckpoints::is_due(Count sweeps_since) const {
  if (options_.every.sweeps > 0) return sweeps_since >= options_.every.sweeps;
  if (options_.every.seconds <= 0) return false;
  // Where writing is slow, less often: never more than a fortieth of the time.
  constexpr double least_ratio = 40;
  return seconds_since(last_time_) >= std::max(options_.every.seconds, least_ratio * write_seconds_);
}

void TrainingCheckpoints::write(const AlsStateView& state) {
  const auto start = std::chrono::steady_clock::now();
  const Count sweep = state.sweeps.back().sweep;
  const std::string path = folder_.path(sweep);
  Count num_bytes = 0;
  {
    const auto timer = session_.phases.time("write checkpoint");
    folder_.make();
    num_bytes = write_als_state(session_.comm, path, state, identity_);
    folder_.keep(sweep, last_);
  }
  last_ = sweep;
  sweeps_at_last_ = static_cast<int>(sweep);
  last_time_ = std::chrono::steady_clock::now();
  write_seconds_ = std::max(write_seconds_, seconds_since(start));
  log_info("checkpoint after sweep {}: {} ({}, {:.2f} s)", sweep, path,
           bytes_text(static_cast<double>(num_bytes)), seconds_since(start));
}

void TrainingCheckpoints::between_sweeps(const AlsStateView& state, int num_sweeps) {
  const int sweep = state.sweeps.back().sweep;
  longest_sweep_ = std::max(longest_sweep_, state.sweeps.back().seconds);
  constexpr double caution = 1.2;
  const StopReason reason =
      session_.stop.agreed(session_.comm, caution * (longest_sweep_ + 2 * write_seconds_));
  const bool had_enough =
      options_.stop_after_sweeps > 0 && sweep - first_sweep_ >= options_.stop_after_sweeps;
  const bool stops = had_enough || reason != StopReason::none;
  if (stops || session_.comm.any(session_.comm.is_root() && is_due(sweep - sweeps_at_last_))) write(state);
  if (!stops) return;
  tell_phases(session_);
  throw StoppedError(fmt::format(
      "stopped after sweep {} of {}, since {}; the checkpoint is {}; run the same command "
      "again to go on, on any number of ranks",
      sweep, num_sweeps, reason == StopReason::none ? "--stop-after-sweeps said so" : reason_text(reason),
      folder_.path(sweep)));
}

void remove_checkpoints_at_end(Session& session, const std::string& folder) {
  session.name_at_end(RemoveAtEnd(session.comm, folder));
}

}  // namespace pushcart::app
