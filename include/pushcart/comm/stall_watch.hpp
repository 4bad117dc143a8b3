#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pushcart {

/// Ends the job when this rank has waited for others in one MPI call for longer than `limit`: a rank that is
/// stopped, cut off or stuck would hold them for ever. Every rank that waits says where, so that it is seen
/// which does not. The process leaves with ExitCode::stalled and the launcher ends the others. `limit` must
/// be longer than what a rank may work alone. Local; a thread that wakes up ten times a limit, at most once a
/// second.
class StallWatch {
 public:
  /// @param doing the phase that the rank is in, asked for by the watching thread
  StallWatch(int rank, std::chrono::duration<double> limit, std::function<std::string()> doing);
  ~StallWatch();
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

 private:
  void watch(int rank, std::chrono::duration<double> limit, const std::function<std::string()>& doing);

  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace pushcart
