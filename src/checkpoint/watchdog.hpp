#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace pushcart::detail {

/// Ends the process if a step does not end in time: a metadata error on one rank can leave the others waiting
/// inside the file library for ever.
class Watchdog {
 public:
  Watchdog(std::string doing, int limit_seconds);
  ~Watchdog();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace pushcart::detail
