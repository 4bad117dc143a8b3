#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// A regular file open for reading. StorageError naming the file for whatever goes wrong.
class RawFile {
 public:
  explicit RawFile(const std::string& path);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  /// Reads up to `num_bytes` at `position`. @return bytes read, 0 only at the end of the file
  std::size_t read_at(Count position, char* to, std::size_t num_bytes) const;
  Count num_bytes() const { return num_bytes_; }
  /// Two paths with equal device and inode lead to the same file.
  std::pair<std::uint64_t, std::uint64_t> identity() const { return identity_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_ = -1;
  Count num_bytes_ = 0;
  std::pair<std::uint64_t, std::uint64_t> identity_;
};

}  // namespace pushcart::detail
