#pragma once

#include <filesystem>
#include <string>

namespace pushcart::test {

/// Where thousands of small files are best made, since writers flush each to disk: in memory, if the system
/// has a folder for that, else where temporary files go.
inline std::string memory_folder() {
  const std::filesystem::path shared_memory = "/dev/shm";
  std::error_code error;
  const auto space = std::filesystem::space(shared_memory, error);
  constexpr std::uintmax_t enough_bytes = std::uintmax_t{64} << 20;
  if (!error && space.available >= enough_bytes) return shared_memory.string();
  return std::filesystem::temp_directory_path().string();
}

}  // namespace pushcart::test
