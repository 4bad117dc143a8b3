#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pushcart::detail {

/// Ends the process, and so the job, if a step does not end in time, or soon after MPI met an error in a file
/// on this rank: such an error can leave ranks waiting for each other inside the file library for ever.
class Watchdog {
 public:
  /// For others to come out of the file library with an error that this rank met.
  static constexpr int seconds_after_an_error = 10;

  /// @param last_words  a line for stderr, to which the reason is added
  /// @param last_act  done before the end, by another thread than the one that waits
  Watchdog(int limit_seconds, std::string last_words, std::function<void()> last_act);
  ~Watchdog();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace pushcart::detail
