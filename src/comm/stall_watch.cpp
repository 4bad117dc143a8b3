#include "pushcart/comm/stall_watch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "pushcart/base/error.hpp"
#include "pushcart/base/host.hpp"
#include "pushcart/comm/environment.hpp"
#include "pushcart/comm/waiting.hpp"

namespace pushcart {

namespace {

using Clock = std::chrono::steady_clock;

// Only the main thread calls MPI, so there is one call at most.
std::atomic<const char*> current_call{nullptr};
std::atomic<Clock::rep> waiting_since{0};

}  // namespace

Waiting::Waiting(const char* call) : outer_(current_call.load(std::memory_order_relaxed)) {
  waiting_since.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  current_call.store(call, std::memory_order_release);
}

Waiting::~Waiting() {
  waiting_since.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  current_call.store(outer_, std::memory_order_release);
}

StallWatch::StallWatch(int rank, std::chrono::duration<double> limit, std::function<std::string()> doing)
    : thread_([this, rank, limit, doing = std::move(doing)] { watch(rank, limit, doing); }) {}

StallWatch::~StallWatch() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void StallWatch::watch(int rank, std::chrono::duration<double> limit,
                       const std::function<std::string()>& doing) {
  const auto pause = std::min<std::chrono::duration<double>>(std::chrono::seconds(1), limit / 10);
  std::unique_lock lock(mutex_);
  Clock::time_point looked = Clock::now(), counts_from = looked;
  while (!ended_.wait_for(lock, pause, [this] { return done_; })) {
    // A process that was stopped itself has not waited: it is the one that the others wait for.
    const Clock::time_point now = Clock::now();
    if (now - looked > limit / 2) counts_from = now;
    looked = now;
    const char* const call = current_call.load(std::memory_order_acquire);
    if (!call) continue;
    const Clock::time_point since{Clock::duration(waiting_since.load(std::memory_order_relaxed))};
    const std::chrono::duration<double> waited = now - std::max(since, counts_from);
    if (waited < limit || current_call.load(std::memory_order_acquire) != call) continue;
    fmt::print(stderr,
               "pushcart: rank {} on {} has waited for other ranks for {:.1f} minutes ({}, while: {}): the "
               "job ends; ranks "
               "without such a line are stuck, stopped or cut off (--stall-minutes)\n",
               rank, host_name(), waited.count() / 60, call, doing());
    std::fflush(stderr);
    // The launcher ends the others when the first has left: let them say the same.
    ended_.wait_for(lock, std::max<std::chrono::duration<double>>(2 * pause, std::chrono::seconds(1)),
                    [] { return false; });
    Environment::leave(static_cast<int>(ExitCode::stalled));
  }
}

}  // namespace pushcart
