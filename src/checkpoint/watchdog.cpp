#include "checkpoint/watchdog.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/comm/file_error.hpp"

namespace pushcart::detail {

Watchdog::Watchdog(int limit_seconds, std::string last_words, std::function<void()> last_act)
    : thread_([this, limit_seconds, last_words = std::move(last_words), last_act = std::move(last_act)] {
        using std::chrono::seconds;
        auto deadline = std::chrono::steady_clock::now() + seconds(limit_seconds);
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, seconds(1), [this] { return done_; })) {
          const auto error = noted_file_error();
          if (error) deadline = std::min(deadline, error->time + seconds(seconds_after_an_error));
          if (std::chrono::steady_clock::now() < deadline) continue;
          fmt::print(stderr, "{}: {}\n", last_words,
                     error ? error->reason : fmt::format("no end within {} s", limit_seconds));
          last_act();
          Environment::leave(static_cast<int>(ExitCode::storage));
        }
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
