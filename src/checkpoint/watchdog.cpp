#include "checkpoint/watchdog.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/environment.hpp"

namespace pushcart::detail {

Watchdog::Watchdog(std::string doing, int limit_seconds)
    : thread_([this, doing = std::move(doing), limit_seconds] {
        std::unique_lock lock(mutex_);
        if (ended_.wait_for(lock, std::chrono::seconds(limit_seconds), [this] { return done_; })) return;
        fmt::print(stderr, "pushcart: {} did not end within {} s; another rank has probably failed to write\n", doing,
                   limit_seconds);
        Environment::leave(static_cast<int>(ExitCode::storage));
      }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

}  // namespace pushcart::detail
