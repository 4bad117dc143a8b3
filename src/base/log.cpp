#include "pushcart/base/log.hpp"

#include "pushcart/base/silent_thread.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

namespace pushcart {

namespace {

bool speaks_here = true;
thread_local bool thread_is_silent = false;
bool bar_is_shown = false;

void remove_bar() {
  if (!std::exchange(bar_is_shown, false)) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

/// A line takes the place of the bar, which comes again below it.
class LineSink : public spdlog::sinks::stderr_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    remove_bar();
    spdlog::sinks::stderr_sink_mt::log(message);
  }
};

}  // namespace

void start_log(bool speaks, Verbosity verbosity) {
  speaks_here = speaks && verbosity != Verbosity::quiet;
  auto logger = std::make_shared<spdlog::logger>("pushcart", std::make_shared<LineSink>());
  logger->set_pattern("[%H:%M:%S] %v");
  logger->set_level(!speaks_here                      ? spdlog::level::err
                    : verbosity == Verbosity::verbose ? spdlog::level::debug
                                                      : spdlog::level::info);
  spdlog::set_default_logger(logger);
}

SilentThread::SilentThread() { thread_is_silent = true; }
SilentThread::~SilentThread() { thread_is_silent = false; }

void log_line(LogLevel level, std::string_view line) {
  if (thread_is_silent) return;
  switch (level) {
    case LogLevel::detail: spdlog::debug(line); break;
    case LogLevel::info: spdlog::info(line); break;
    case LogLevel::warning: spdlog::warn(line); break;
  }
}

struct Progress::State {
  using Clock = std::chrono::steady_clock;
  std::string what;
  Count total;
  State* outer;  // the step that this one is a part of
  double done = 0;
  bool terminal = isatty(STDERR_FILENO) != 0;
  Clock::time_point started = Clock::now();
  Clock::time_point shown = started;

  static State* innermost;

  double share() const { return std::clamp(done / static_cast<double>(total), 0.0, 1.0); }
  void show(Clock::time_point now);
};
Progress::State* Progress::State::innermost = nullptr;

Progress::Progress(std::string what, Count total) : state_(nullptr) {
  if (!speaks_here || thread_is_silent || total <= 0) return;
  state_ = State::innermost = new State{std::move(what), total, State::innermost};
}

Progress::~Progress() {
  if (!state_) return;
  State::innermost = state_->outer;
  if (!state_->outer) remove_bar();
  delete state_;
}

void Progress::advance(Count done_so_far) {
  if (!state_) return;
  state_->done = static_cast<double>(done_so_far);
  State* whole = state_;
  for (; whole->outer; whole = whole->outer) {
    whole->outer->done = std::floor(whole->outer->done) + std::min(whole->share(), 0.999);
  }
  const auto now = State::Clock::now();
  const double wait_seconds = whole->terminal ? 0.2 : 10.0;
  if (std::chrono::duration<double>(now - whole->shown).count() >= wait_seconds) whole->show(now);
}

void Progress::State::show(Clock::time_point now) {
  shown = now;
  const double elapsed = std::chrono::duration<double>(now - started).count();
  const double left = share() > 0 ? elapsed / share() - elapsed : 0;
  if (terminal) {
    constexpr int width = 30;
    const int filled = static_cast<int>(share() * width);
    fmt::print(stderr, "\r\033[K{} [{:#<{}}{:.<{}}] {:3.0f} %  {:.0f} s left", what, "", filled, "",
               width - filled, share() * 100, left);
    std::fflush(stderr);
    bar_is_shown = true;
  } else {
    log_info("{}: {:.0f} %, {:.0f} s left", what, share() * 100, left);
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
