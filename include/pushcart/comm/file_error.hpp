#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace pushcart {

/// A write of a file through MPI that failed on this rank, whatever the library did with it that wrote.
struct FileError {
  std::string reason;
  std::chrono::steady_clock::time_point time;
};

/// The first since the last forget_file_error(). Local; from any thread.
std::optional<FileError> noted_file_error();
void forget_file_error();

}  // namespace pushcart
