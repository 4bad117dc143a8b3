#include "app/stopping.hpp"

#include <fmt/core.h>

#include <cmath>
#include <cstdlib>

namespace pushcart::app {

void declare_stop(OptionSet& options, StopOptions& stop) {
  options.add(
      "max-hours", stop.max_hours,
      "stop in time to be over in so many hours, with exit code 75; 0 = no limit but that of a Slurm job");
}

void limit_time(Session& session, const StopOptions& stop) {
  if (!std::isfinite(stop.max_hours) || stop.max_hours < 0)
    throw ConfigError("--max-hours must be a number >= 0");
  constexpr double seconds_an_hour = 3600, slurm_margin_seconds = 30;
  if (stop.max_hours > 0) session.stop.allow_seconds(stop.max_hours * seconds_an_hour);
  const char* const end_of_job = std::getenv("SLURM_JOB_END_TIME");
  if (!end_of_job) return;
  char* after = nullptr;
  const double unix_seconds = std::strtod(end_of_job, &after);
  if (after != end_of_job && *after == '\0') session.stop.allow_until(unix_seconds, slurm_margin_seconds);
}

std::string reason_text(StopReason reason) {
  return reason == StopReason::signal ? "a signal asked for it" : "its time is nearly over";
}

void stop_if_asked(const Session& session, double next_seconds, const std::string& state) {
  const StopReason reason = session.stop.agreed(session.comm, next_seconds);
  if (reason == StopReason::none) return;
  throw StoppedError(fmt::format("stopped, since {}: {}", reason_text(reason), state));
}

}  // namespace pushcart::app
