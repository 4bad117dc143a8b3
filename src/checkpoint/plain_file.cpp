#include "checkpoint/plain_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

PlainFile::PlainFile(const std::string& path, For what)
    : path_(path), descriptor_(::open(path.c_str(), (what == For::writing ? O_RDWR : O_RDONLY) | O_CLOEXEC)) {
  struct stat about {};
  if (descriptor_ < 0) fail("cannot be opened");
  if (::fstat(descriptor_, &about) != 0) fail("cannot be looked at");
  if (S_ISDIR(about.st_mode)) throw StorageError(path_ + ": is a folder, not a file");
}

PlainFile::~PlainFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Count PlainFile::num_bytes() const {
  struct stat about {};
  if (::fstat(descriptor_, &about) != 0) fail("cannot be looked at");
  return static_cast<Count>(about.st_size);
}

void PlainFile::read(Count first, char* out, Count count) const {
  while (count > 0) {
    const auto got = ::pread(descriptor_, out, static_cast<std::size_t>(count), static_cast<off_t>(first));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("reading failed");
    if (got == 0) throw InputError(path_ + ": has become shorter while it was read");
    out += got;
    first += got;
    count -= got;
  }
}

void PlainFile::write(Count first, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(first));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("writing failed");
    first += done;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void PlainFile::append(std::string_view bytes) const {
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  if (end < 0) fail("writing failed");
  write(static_cast<Count>(end), bytes);
}

void PlainFile::flush() const {
  if (::fsync(descriptor_) != 0) fail("flushing to disk failed");
}

void PlainFile::fail(const char* what) const {
  throw StorageError(fmt::format("{}: {}: {}", path_, what, std::strerror(errno)));
}

}  // namespace pushcart::detail
