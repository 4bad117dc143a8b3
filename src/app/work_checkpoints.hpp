#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/checkpoint/checkpoint_folder.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::app {

/// How often a checkpoint is written.
struct CheckpointInterval {
  double seconds = 600;   ///< 0 = not by time
  Count sweeps = 0;       ///< or other steps of a training; 0 = not by sweeps
  Count rows = 0;         ///< of lists, a rank; 0 = not by rows
  bool is_given = false;  ///< by the user, as one of these or off
};
/// "10m", "90s", "1h", "2sweeps", "5000rows", "off". ConfigError.
CheckpointInterval checkpoint_interval_of(const std::string& text);
std::string checkpoint_interval_text(const CheckpointInterval& interval);

/// "auto": go on from the latest checkpoint if there is one. "never": begin anew.
inline constexpr const char *resume_auto = "auto", *resume_never = "never";

/// When a checkpoint is due by time: where writing is slow, less often, never more than a fortieth of the
/// time.
class CheckpointClock {
 public:
  /// The work begins, or goes on. Local.
  void begin() { last_ = Clock::now(); }
  /// A checkpoint was written, which took so long. Local.
  void wrote(double seconds);
  /// @param every_seconds  0 = never; @param ahead_seconds  until one can be written again, beyond the usual.
  /// The same on all ranks. Collective.
  bool is_due(const Communicator& comm, double every_seconds, double ahead_seconds = 0) const;
  double write_seconds() const { return write_seconds_; }  ///< the most that one took

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  double write_seconds_ = 0;
};

/// What is done when the folder holds a checkpoint of another piece of work.
enum class OtherWork : int {
  refuse,      ///< InputError with what differs
  begin_anew,  ///< told in the log
};

struct CheckpointOptions {
  std::string folder;  ///< empty = beside the output
  CheckpointInterval every;
  std::string resume = "auto";  ///< auto, never, or a checkpoint or a folder of them
  Count stop_after_sweeps = 0;  ///< of this run; 0 = do not
  OtherWork other_work = OtherWork::refuse;
};
enum class CheckpointFolderOption : int { declared, decided_by_run };
void declare_checkpoints(OptionSet& options, CheckpointOptions& checkpoints, CheckpointFolderOption folder);

/// What all work on a data set is good for: its digest, and the version, build and kernels of the program.
WorkIdentity identity_on(const Dataset& dataset);
/// Settings by key, as "--key". Local.
void add_settings(WorkIdentity& identity, const nlohmann::ordered_json& settings);

/// A step of a piece of work that is done, and what is to be known of those to come.
struct DoneStep {
  Count number = 0;
  std::string what;              ///< for the log: "sweep 3"
  double longest_seconds = 0;    ///< of a step so far
  Count every = 0;               ///< a checkpoint after so many; 0 = by the clock
  bool is_last_of_run = false;   ///< it was told to stop here
  std::string of_how_many = {};  ///< for the message at a stop: " of 10"
};

/// The checkpoints of one piece of work that is done step by step: from which it goes on, when they are
/// written, and whether the run is to stop. Knows nothing of what they hold.
class WorkCheckpoints {
 public:
  /// Looks what is there. Collective.
  WorkCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity,
                  const std::string& kind);

  /// The checkpoint to go on from, if there is one; its work counts as this run's. Collective. InputError if
  /// it is of other data, settings or version, or, named by --resume, damaged; StorageError.
  std::unique_ptr<FileReader> open();
  /// The work goes on after `step`, which `file` holds: for the log and, part by part, the run record. Local.
  /// @param what  "sweep 3"  @param unit  "sweep"
  void going_on(const FileReader& file, Count step, const std::string& what, const std::string& unit);

  /// Called when a step is done and more are to come: writes its checkpoint if it is time to, or if the run
  /// is to stop, and then ends the run. @param writer  of the file at a path; gives its bytes. Collective.
  /// StoppedError, StorageError.
  void between_steps(const DoneStep& done, const std::function<Count(const std::string& path)>& writer);

  const WorkIdentity& identity() const { return identity_; }

 private:
  std::unique_ptr<FileReader> open_any();
  bool is_due(Count step, Count every) const;
  void write(Count step, const std::string& what,
             const std::function<Count(const std::string& path)>& writer);

  Session& session_;
  const CheckpointOptions& options_;
  const WorkIdentity identity_;
  const std::string kind_;
  CheckpointFolder folder_;
  std::optional<Count> last_;  // step of the checkpoint written or read last, in the folder
  Count last_step_ = 0;        // the same, wherever it was read
  CheckpointClock clock_;
};

/// The options for work that follows another, such as lists a training: in a folder of their own, and a
/// checkpoint named by --resume is one of the first.
CheckpointOptions checkpoints_of_later_part(CheckpointOptions of_first, const std::string& folder);

/// The checkpoints of this folder go when the run has succeeded, after its outputs so far have their names.
void remove_checkpoints_at_end(Session& session, const std::string& folder, const std::string& kind);

}  // namespace pushcart::app
