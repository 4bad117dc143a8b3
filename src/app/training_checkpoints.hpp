#pragma once

#include "app/work_checkpoints.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::app {

void declare_stop_after_sweeps(OptionSet& options, CheckpointOptions& checkpoints);

/// The checkpoints of a training by sweeps.
class TrainingCheckpoints {
 public:
  /// Looks what is there. Collective.
  TrainingCheckpoints(Session& session, const CheckpointOptions& options, WorkIdentity identity);

  /// The state to go on from. Collective. Errors of WorkCheckpoints::open.
  std::optional<AlsState> resume(const Dataset& train);
  /// Writes a checkpoint if it is time to, and ends the run if it was asked to. Collective. StoppedError.
  void between_sweeps(const AlsStateView& state, Count num_sweeps);

 private:
  Session& session_;
  const CheckpointOptions& options_;
  WorkCheckpoints work_;
  Count first_sweep_ = 0;  // sweeps that were done before this run
  double longest_sweep_ = 0;
};

}  // namespace pushcart::app
