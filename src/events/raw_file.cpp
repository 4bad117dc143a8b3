#include "events/raw_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

RawFile::RawFile(const std::string& path) : path_(path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  if (S_ISDIR(about.st_mode)) {
    throw StorageError(fmt::format("{}: is a folder; name the files in it, e.g. '{}/*.csv'", path, path));
  }
  if (!S_ISREG(about.st_mode)) throw StorageError(fmt::format("{}: is not a regular file", path));
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  num_bytes_ = about.st_size;
  identity_ = {about.st_dev, about.st_ino};
}

RawFile::~RawFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t RawFile::read_at(Count position, char* to, std::size_t num_bytes) const {
  constexpr std::size_t most = std::size_t{1} << 30;  // Linux reads at most 2 GiB at a time
  for (;;) {
    const auto got = ::pread(descriptor_, to, std::min(num_bytes, most), position);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    throw StorageError(
        fmt::format("{}: cannot be read at byte {}: {}", path_, position, std::strerror(errno)));
  }
}

}  // namespace pushcart::detail
