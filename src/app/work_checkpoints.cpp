#include "app/work_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "app/stopping.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {
namespace {

/// Removes the checkpoints as the last of the run's outputs but its record.
class RemoveAtEnd : public StagedOutput {
 public:
  RemoveAtEnd(const Communicator& comm, std::string folder, std::string kind)
      : comm_(&comm), folder_(std::move(folder)), kind_(std::move(kind)) {}
  void publish() override {
    try {
      CheckpointFolder(*comm_, folder_, kind_).remove();
    } catch (const Error& error) {  // on all ranks; the outputs have their names all the same
      log_warning("{}: the checkpoints were not removed: {}", folder_, error.what());
    }
  }

 private:
  const Communicator* comm_;
  std::string folder_, kind_;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

CheckpointInterval checkpoint_interval_of(const std::string& text) {
  if (text == "off") return {0, 0, 0, true};
  if (const auto seconds = seconds_of(text)) return {*seconds, 0, 0, true};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  if (error == std::errc{} && number > 0 && number < 1e9) {
    const auto whole = static_cast<Count>(number);
    if (number == static_cast<double>(whole)) {
      if (unit == "sweeps" || unit == "sweep") return {0, whole, 0, true};
      if (unit == "rows" || unit == "row") return {0, 0, whole, true};
    }
  }
  throw ConfigError(
      fmt::format("'{}' is no interval; write it like 10m, 90s, 1h, 2sweeps, 5000rows, or off", text));
}

std::string checkpoint_interval_text(const CheckpointInterval& interval) {
  if (interval.sweeps > 0) return fmt::format("{}sweeps", interval.sweeps);
  if (interval.rows > 0) return fmt::format("{}rows", interval.rows);
  return interval.seconds > 0 ? fmt::format("{}s", interval.seconds) : "off";
}

void declare_checkpoints(OptionSet& options, CheckpointOptions& checkpoints, CheckpointFolderOption folder) {
  if (folder == CheckpointFolderOption::declared) {
    options.add("checkpoint", checkpoints.folder,
                "folder of the checkpoints; default: beside the output, model.h5 -> model.checkpoint");
  }
  options.add_named("checkpoint-every", checkpoints.every,
                    "how often, between sweeps or rows: 10m, 90s, 1h, 2sweeps, 5000rows, or off (then only "
                    "when stopped)",
                    checkpoint_interval_of, checkpoint_interval_text);
  options.add("resume", checkpoints.resume,
              "go on from a checkpoint: auto (the latest in the folder, if any), never, or the path of one");
}

WorkIdentity identity_on(const Dataset& dataset) {
  return {{"data set", dataset.digest},
          {"version", version()},
          {"build", build_description()},
          {"cpu-path", std::string(cpu_path_name(cpu_path()))}};
}

void add_settings(WorkIdentity& identity, const nlohmann::ordered_json& settings) {
  for (const auto& [key, value] : settings.items()) {
    identity["--" + key] = value.is_null()     ? ""
                           : value.is_string() ? value.get<std::string>()
                                               : dump_json(value);
  }
}

void CheckpointClock::wrote(double seconds) {
  last_ = Clock::now();
  write_seconds_ = std::max(write_seconds_, seconds);
}

bool CheckpointClock::is_due(const Communicator& comm, double every_seconds, double ahead_seconds) const {
  if (every_seconds <= 0) return false;
  constexpr double least_ratio = 40;
  const bool is_late =
      seconds_since(last_) + ahead_seconds >= std::max(every_seconds, least_ratio * write_seconds_);
  return comm.any(comm.is_root() && is_late);
}

WorkCheckpoints::WorkCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity,
                                 const std::string& kind)
    : session_(session),
      options_(options),
      identity_(std::move(identity)),
      kind_(kind),
      folder_(session.comm, options.folder, kind) {}

std::unique_ptr<FileReader> WorkCheckpoints::open_any() {
  if (options_.resume == resume_never) return nullptr;
  if (options_.resume == resume_auto) return folder_.open_latest();
  const auto& comm = session_.comm;
  const bool is_folder = comm.any(comm.is_root() && std::filesystem::is_directory(options_.resume));
  if (!is_folder) return std::make_unique<FileReader>(comm, options_.resume, kind_);
  auto file = CheckpointFolder(comm, options_.resume, kind_).open_latest();
  if (!file) throw InputError(options_.resume + ": holds no checkpoint to go on from (--resume)");
  return file;
}

std::unique_ptr<FileReader> WorkCheckpoints::open() {
  const auto timer = session_.phases.time("read checkpoint");
  auto file = open_any();
  clock_.begin();
  if (!file) return nullptr;
  const std::string differences = collectively(session_.comm, "reading the checkpoint " + file->path(),
                                               [&] { return identity_differences(*file, identity_); });
  if (differences.empty()) return file;
  const std::string text =
      fmt::format("{}: this checkpoint is of another run, with other {}", file->path(), differences);
  if (options_.other_work == OtherWork::refuse) {
    throw InputError(text + "; go on as that was begun, or begin anew with --resume never");
  }
  log_info("{}; beginning anew", text);
  return nullptr;
}

void WorkCheckpoints::going_on(const FileReader& file, Count step, const std::string& what,
                               const std::string& unit) {
  last_step_ = step;
  if (file.path() == folder_.path(step)) last_ = step;
  log_info("going on after {}, from {}", what, file.path());
  session_.results["resumed"].push_back({{"checkpoint", file.path()}, {"after_" + unit, step}});
}

bool WorkCheckpoints::is_due(Count step, Count every) const {
  if (every > 0) return step - last_step_ >= every;
  return clock_.is_due(session_.comm, options_.every.seconds);
}

void WorkCheckpoints::write(Count step, const std::string& what,
                            const std::function<Count(const std::string& path)>& writer) {
  const auto start = std::chrono::steady_clock::now();
  const std::string path = folder_.path(step);
  Count num_bytes = 0;
  {
    const auto timer = session_.phases.time("write checkpoint");
    folder_.make();
    num_bytes = writer(path);
    folder_.keep(step, last_);
  }
  last_ = last_step_ = step;
  clock_.wrote(seconds_since(start));
  log_info("checkpoint after {}: {} ({}, {:.2f} s)", what, path, bytes_text(static_cast<double>(num_bytes)),
           seconds_since(start));
}

void WorkCheckpoints::between_steps(const DoneStep& done,
                                    const std::function<Count(const std::string& path)>& writer) {
  constexpr double caution = 1.2;
  // Room for the next step, with a checkpoint before and after.
  const StopReason asked =
      session_.stop.agreed(session_.comm, caution * (done.longest_seconds + 2 * clock_.write_seconds()));
  const bool stops = done.is_last_of_run || asked != StopReason::none;
  if (stops || is_due(done.number, done.every)) write(done.number, done.what, writer);
  if (!stops) return;
  tell_phases(session_);
  throw StoppedError(
      fmt::format("stopped after {}{}, since {}; the checkpoint is {}; run the same command again to go on, "
                  "on any number "
                  "of ranks",
                  done.what, done.of_how_many,
                  asked == StopReason::none ? "--stop-after-sweeps said so" : reason_text(asked),
                  folder_.path(done.number)));
}

CheckpointOptions checkpoints_of_later_part(CheckpointOptions of_first, const std::string& folder) {
  of_first.folder = folder;
  if (of_first.resume != resume_never) of_first.resume = resume_auto;
  return of_first;
}

void remove_checkpoints_at_end(Session& session, const std::string& folder, const std::string& kind) {
  session.name_at_end(RemoveAtEnd(session.comm, folder, kind));
}

}  // namespace pushcart::app
