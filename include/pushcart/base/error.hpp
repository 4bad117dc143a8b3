#pragma once

#include <stdexcept>
#include <string>

namespace pushcart {

/// Exit codes of the program (docs/file-formats.md lists them for users).
enum class ExitCode : int {
  done = 0,
  usage = 2,         ///< bad command line or configuration
  bad_input = 3,     ///< input that cannot be believed: format, ids, damaged or foreign file
  storage = 4,       ///< reading or writing failed: missing file, no permission, no space
  numerical = 5,     ///< a factorization failed or a result was not finite
  stalled = 6,       ///< a rank waited for the others for longer than --stall-minutes
  held = 7,          ///< retrain: the gate kept the version in service
  stopped = 75,      ///< stopped at a checkpoint on request; run again to go on
  internal = 70      ///< a broken contract inside the program
};

/// Base of everything thrown on purpose. The text says what, where, why and what to do, on one line.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

struct InputError : Error {
  explicit InputError(const std::string& text) : Error(ExitCode::bad_input, text) {}
};
struct ConfigError : Error {
  explicit ConfigError(const std::string& text) : Error(ExitCode::usage, text) {}
};
struct StorageError : Error {
  explicit StorageError(const std::string& text) : Error(ExitCode::storage, text) {}
};
struct NumericError : Error {
  explicit NumericError(const std::string& text) : Error(ExitCode::numerical, text) {}
};
struct InternalError : Error {
  explicit InternalError(const std::string& text) : Error(ExitCode::internal, text) {}
};

namespace detail {
[[noreturn]] void contract_failed(const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace pushcart

/// A contract that is always checked: cheap checks of shapes and ranges.
#define PUSHCART_CHECK(condition) \
  ((condition) ? void() : ::pushcart::detail::contract_failed(#condition, __FILE__, __LINE__))

/// A contract checked in debug builds only: what costs time in inner loops.
#ifdef NDEBUG
#define PUSHCART_EXPECT(condition) void()
#else
#define PUSHCART_EXPECT(condition) PUSHCART_CHECK(condition)
#endif
