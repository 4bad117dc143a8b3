#pragma once

#include <string>

#include "app/option_set.hpp"
#include "app/session.hpp"

namespace pushcart::app {

/// When a run is to end early by itself.
struct StopOptions {
  double max_hours = 0;  ///< from the start of the run; 0 = no limit
};
void declare_stop(OptionSet& options, StopOptions& stop);

/// Limits the run's time as told, and by the end of the Slurm job that it runs in (SLURM_JOB_END_TIME).
/// ConfigError. Local.
void limit_time(Session& session, const StopOptions& stop);

/// Ends the run if it was asked to: StoppedError, which tells what is done and what a rerun does. Collective.
/// @param next_seconds  as for StopRequest::agreed
void stop_if_asked(const Session& session, double next_seconds, const std::string& state);

/// "a signal asked", "its time is nearly over".
std::string reason_text(StopReason reason);

}  // namespace pushcart::app
