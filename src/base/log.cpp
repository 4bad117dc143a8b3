#include "pushcart/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace pushcart {

namespace {
bool speaks_here = true;
}

void start_log(bool speaks, Verbosity verbosity) {
  speaks_here = speaks && verbosity != Verbosity::quiet;
  auto logger = std::make_shared<spdlog::logger>("pushcart", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("[%H:%M:%S] %v");
  logger->set_level(!speaks_here                      ? spdlog::level::err
                    : verbosity == Verbosity::verbose ? spdlog::level::debug
                                                      : spdlog::level::info);
  spdlog::set_default_logger(logger);
}

struct Progress::State {
  using Clock = std::chrono::steady_clock;
  std::string what;
  Count total;
  bool terminal;
  Clock::time_point started = Clock::now();
  Clock::time_point shown = started;
  bool anything_shown = false;
};

Progress::Progress(std::string what, Count total)
    : state_(speaks_here ? new State{std::move(what), total, isatty(STDERR_FILENO) != 0} : nullptr) {}

Progress::~Progress() {
  if (state_ && state_->terminal && state_->anything_shown) std::fputs("\r\033[K", stderr);
  delete state_;
}

void Progress::advance(Count done) {
  if (!state_ || state_->total <= 0) return;
  const auto now = State::Clock::now();
  const double wait_seconds = state_->terminal ? 0.2 : 10.0;
  if (std::chrono::duration<double>(now - state_->shown).count() < wait_seconds) return;
  state_->shown = now;
  state_->anything_shown = true;
  // A rank that reads the last line of its part to the end has done more than its part.
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(state_->total));
  const double elapsed = std::chrono::duration<double>(now - state_->started).count();
  const double left = share > 0 ? elapsed / share - elapsed : 0;
  if (state_->terminal) {
    const int filled = static_cast<int>(share * 30);
    fmt::print(stderr, "\r\033[K{} [{:#<{}}{:.<{}}] {:3.0f} %  {:.0f} s left", state_->what, "", filled, "",
               30 - filled, share * 100, left);
    std::fflush(stderr);
  } else {
    log_info("{}: {:.0f} % ({} of {}), {:.0f} s left", state_->what, share * 100, done, state_->total, left);
  }
}

std::string bytes_text(double num_bytes) {
  static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (num_bytes >= 1024 && unit + 1 < units.size()) {
    num_bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", num_bytes, unit == 0 ? 0 : 1, units[unit]);
}

}  // namespace pushcart
