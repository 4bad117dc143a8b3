#pragma once

#include "app/work_checkpoints.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"

namespace pushcart::app {

/// The checkpoints of a work that is done step by step; --checkpoint-every and --stop-after-sweeps count its
/// steps as sweeps.
class WorkSteps : public StepCheckpoints {
 public:
  /// Looks what is there. @param unit  what a step is, for the log: "round". Collective.
  WorkSteps(Session& session, const CheckpointOptions& options, WorkIdentity identity, std::string unit);

  Count resume(const std::function<void(const FileReader&)>& read) override;
  void between_steps(Count step, const std::function<void(FileWriter&)>& write) override;

 private:
  Session& session_;
  const CheckpointOptions& options_;
  WorkCheckpoints work_;
  const std::string unit_;
  Count first_step_ = 0;  // steps that were done before this run
  double longest_step_ = 0;
  std::chrono::steady_clock::time_point step_start_;
};

}  // namespace pushcart::app
