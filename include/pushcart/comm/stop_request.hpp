#pragma once

#include <chrono>
#include <optional>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Work was stopped at a checkpoint on request: the run ends with exit code 75, to be run again.
struct StoppedError : Error {
  explicit StoppedError(const std::string& text) : Error(ExitCode::stopped, text) {}
};

/// Why work is to stop; what weighs more comes later.
enum class StopReason : int {
  none,
  time,   ///< the time allowed would be over before the next part of the work is done
  signal  ///< SIGUSR1 or SIGTERM
};

/// Whether this run is to end early. Work that can be cut into parts asks between them: at the same place on
/// all ranks, so that all stop at the same one.
class StopRequest {
 public:
  /// For work that keeps nothing when it is cut off: SIGUSR1 leaves at once with exit code 75, SIGTERM ends
  /// the process as usual; so does one that came before. How a process starts (Environment). Local.
  static void end_at_signals();
  /// From here on SIGUSR1 and SIGTERM only ask. Local.
  static void catch_signals();
  /// A signal came to this process. Local.
  static bool signalled();

  double seconds_so_far() const;  ///< since this object was made

  /// The run is to be over `seconds` after this object was made. Local.
  void allow_seconds(double seconds);
  /// The run is to be over at this time (unix seconds), less a margin. The clock is read once, now: should it
  /// jump later, that does not count. Local.
  void allow_until(double unix_seconds, double margin_seconds);

  /// The weightiest reason that any rank has. @param next_seconds  what the next part will take on this rank,
  /// with what has to be written after it. Collective, the same on all ranks.
  StopReason agreed(const Communicator& comm, double next_seconds) const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  std::optional<Clock::time_point> deadline_;
  void limit(Clock::time_point deadline);
};

}  // namespace pushcart
