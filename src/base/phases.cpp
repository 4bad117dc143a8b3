#include "pushcart/base/phases.hpp"

#include <algorithm>
#include <chrono>

namespace pushcart {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

PhaseLog::Timer::Timer(PhaseLog& log, std::size_t phase)
    : log_(log), phase_(phase), start_(Clock::now().time_since_epoch().count()) {}

PhaseLog::Timer::~Timer() {
  const Clock::duration taken = Clock::now().time_since_epoch() - Clock::duration(start_);
  log_.phases_[phase_].seconds += std::chrono::duration<double>(taken).count();
}

PhaseLog::Timer PhaseLog::time(const std::string& name, Count rows) {
  auto found = std::find_if(phases_.begin(), phases_.end(), [&](const Phase& p) { return p.name == name; });
  if (found == phases_.end()) found = phases_.insert(phases_.end(), Phase{name});
  found->rows += rows;
  {
    const std::lock_guard lock(latest_mutex_);
    latest_ = name;
  }
  return {*this, static_cast<std::size_t>(found - phases_.begin())};
}

std::string PhaseLog::latest() const {
  const std::lock_guard lock(latest_mutex_);
  return latest_;
}

}  // namespace pushcart
