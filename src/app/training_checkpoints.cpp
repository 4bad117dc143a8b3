#include "app/training_checkpoints.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "pushcart/models/als_checkpoint.hpp"

namespace pushcart::app {

void declare_stop_after_sweeps(OptionSet& options, CheckpointOptions& checkpoints) {
  options.add(
      "stop-after-sweeps", checkpoints.stop_after_sweeps,
      "write a checkpoint and stop, with exit code 75, after so many sweeps (als) or other steps of this "
      "run; 0 = do not");
}

TrainingCheckpoints::TrainingCheckpoints(Session& session, const CheckpointOptions& options,
                                         WorkIdentity identity)
    : session_(session),
      options_(options),
      work_(session, options, std::move(identity), als_checkpoint_kind) {
  if (options_.stop_after_sweeps < 0) throw ConfigError("--stop-after-sweeps must be 0 or more");
}

std::optional<AlsState> TrainingCheckpoints::resume(const Dataset& train) {
  const auto file = work_.open();
  if (!file) return std::nullopt;
  AlsState state = read_als_state(session_.comm, *file, train);
  first_sweep_ = static_cast<Count>(state.sweeps.size());
  work_.going_on(*file, first_sweep_, fmt::format("sweep {}", first_sweep_), "sweep");
  return state;
}

void TrainingCheckpoints::between_sweeps(const AlsStateView& state, Count num_sweeps) {
  const Count sweep = state.sweeps.back().sweep;
  longest_sweep_ = std::max(longest_sweep_, state.sweeps.back().seconds);
  work_.between_steps({.number = sweep,
                       .what = fmt::format("sweep {}", sweep),
                       .longest_seconds = longest_sweep_,
                       .every = options_.every.sweeps,
                       .is_last_of_run = options_.stop_after_sweeps > 0 &&
                                         sweep - first_sweep_ >= options_.stop_after_sweeps,
                       .of_how_many = fmt::format(" of {}", num_sweeps)},
                      [&](const std::string& path) {
                        return write_als_state(session_.comm, path, state, work_.identity());
                      });
}

}  // namespace pushcart::app
