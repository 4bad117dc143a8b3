#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/checkpoint/checkpoint_folder.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::app {

/// How often a checkpoint is written.
struct CheckpointInterval {
  double seconds = 600;  ///< 0 = not by time
  int sweeps = 0;        ///< 0 = not by sweeps
};
/// "10m", "90s", "1h", "2sweeps", "off". ConfigError.
CheckpointInterval checkpoint_interval_of(const std::string& text);
std::string checkpoint_interval_text(const CheckpointInterval& interval);

struct CheckpointOptions {
  std::string folder;  ///< empty = beside the output
  CheckpointInterval every;
  std::string resume = "auto";  ///< auto, never, or a checkpoint or a folder of them
  int stop_after_sweeps = 0;    ///< of this run; 0 = do not
};
enum class CheckpointFolderOption : int { declared, decided_by_run };
void declare_checkpoints(OptionSet& options, CheckpointOptions& checkpoints, CheckpointFolderOption folder);

/// The checkpoints of a training by sweeps: when they are written, from which it goes on, and when it stops.
class TrainingCheckpoints {
 public:
  /// Looks what is there. Collective.
  TrainingCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity);

  /// The state to go on from. Collective. InputError if it is of other data, settings or version, or, named
  /// by
  /// --resume, damaged; StorageError.
  std::optional<AlsState> resume(const Dataset& train);
  /// Writes a checkpoint if it is time to, and ends the run if it was asked to. Collective. StoppedError.
  void between_sweeps(const AlsStateView& state, int num_sweeps);

 private:
  std::unique_ptr<FileReader> open();
  bool is_due(Count sweeps_since) const;
  void write(const AlsStateView& state);

  Session& session_;
  const CheckpointOptions& options_;
  const WorkIdentity identity_;
  CheckpointFolder folder_;
  std::optional<Count> last_;  // sweep of the checkpoint written or read last, in the folder
  int first_sweep_ = 0;        // sweeps that were done before this run
  int sweeps_at_last_ = 0;
  double write_seconds_ = 0, longest_sweep_ = 0;
  std::chrono::steady_clock::time_point last_time_ = std::chrono::steady_clock::now();
};

/// The checkpoints of this folder go when the run has succeeded, after its outputs so far have their names.
void remove_checkpoints_at_end(Session& session, const std::string& folder);

}  // namespace pushcart::app
