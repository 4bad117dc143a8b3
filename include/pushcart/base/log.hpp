#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Log lines go to stderr only; stdout is for results. Only rank 0 speaks below the level of errors.
enum class Verbosity { quiet, normal, verbose };

void start_log(bool speaks, Verbosity verbosity);

/// A line as it is.
enum class LogLevel { detail, info, warning };
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_detail(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::detail, fmt::format(format, std::forward<Args>(args)...));
}

/// Shows how far a long step is: a bar on a terminal, a plain line every ten seconds in a log file. One that
/// is made while another lives tells how far the part is that the other is at, and shows nothing of its own.
/// Local, by the main thread; silent where start_log said that this rank does not speak.
class Progress {
 public:
  /// @param total  parts of about equal work; 0 = nothing to show
  Progress(std::string what, Count total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(Count done_so_far);  ///< cheap enough to be called for every few thousand operations

 private:
  struct State;
  State* state_;
};

/// "1.5 GiB", "12.3 MiB": binary units for people.
std::string bytes_text(double num_bytes);

}  // namespace pushcart
