#include "pushcart/comm/stop_request.hpp"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace pushcart {
namespace {

volatile std::sig_atomic_t came = 0;  // the last signal that asked; 0 = none

extern "C" void note_signal(int number) {
  came = number;
}

extern "C" void leave_at_signal(int) {
  constexpr std::string_view text =
      "pushcart: stopped by SIGUSR1; what was not finished is lost; run it again\n";
  const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(written);
  ::_exit(static_cast<int>(ExitCode::stopped));
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

}  // namespace

void StopRequest::catch_signals() {
  handle(SIGUSR1, note_signal);
  handle(SIGTERM, note_signal);
}

void StopRequest::end_at_signals() {
  handle(SIGUSR1, leave_at_signal);
  handle(SIGTERM, SIG_DFL);
  if (came != 0) ::raise(came);
}

bool StopRequest::signalled() {
  return came != 0;
}

double StopRequest::seconds_so_far() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void StopRequest::limit(Clock::time_point deadline) {
  if (!deadline_ || deadline < *deadline_) deadline_ = deadline;
}

void StopRequest::allow_seconds(double seconds) {
  limit(start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
}

void StopRequest::allow_until(double unix_seconds, double margin_seconds) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::chrono::duration<double> left(unix_seconds - margin_seconds - now);
  limit(Clock::now() + std::chrono::duration_cast<Clock::duration>(left));
}

StopReason StopRequest::agreed(const Communicator& comm, double next_seconds) const {
  StopReason mine = StopReason::none;
  const auto next = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(next_seconds));
  if (deadline_ && Clock::now() + next > *deadline_) mine = StopReason::time;
  if (signalled()) mine = StopReason::signal;
  return static_cast<StopReason>(comm.allreduce(static_cast<int>(mine), Reduce::max));
}

}  // namespace pushcart
