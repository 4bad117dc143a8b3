#include "app/step_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

WorkSteps::WorkSteps(Session& session, const CheckpointOptions& options, WorkIdentity identity,
                     std::string unit)
    : session_(session),
      options_(options),
      work_(session, options, std::move(identity), step_state_kind),
      unit_(std::move(unit)),
      step_start_(std::chrono::steady_clock::now()) {}

Count WorkSteps::resume(const std::function<void(const FileReader&)>& read) {
  const auto file = work_.open();
  if (file) {
    first_step_ = collectively(session_.comm, "reading the checkpoint " + file->path(), [&] {
      read(*file);
      return step_of(*file);
    });
    work_.going_on(*file, first_step_, fmt::format("{} {}", unit_, first_step_), "step");
  }
  step_start_ = std::chrono::steady_clock::now();
  return first_step_;
}

void WorkSteps::between_steps(Count step, const std::function<void(FileWriter&)>& write) {
  const auto now = std::chrono::steady_clock::now();
  longest_step_ = std::max(longest_step_, std::chrono::duration<double>(now - step_start_).count());
  work_.between_steps(
      {.number = step,
       .what = fmt::format("{} {}", unit_, step),
       .longest_seconds = longest_step_,
       .every = options_.every.sweeps,
       .is_last_of_run = options_.stop_after_sweeps > 0 && step - first_step_ >= options_.stop_after_sweeps},
      [&](const std::string& path) {
        return write_step_state(session_.comm, path, step, work_.identity(), write);
      });
  step_start_ = std::chrono::steady_clock::now();
}

}  // namespace pushcart::app
