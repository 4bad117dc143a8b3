#include "checkpoint/seal.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/block_digests.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

constexpr std::string_view magic = "pushcart";
constexpr std::string_view hdf5_signature = "\x89HDF\r\n\x1a\n";
constexpr Count length_bytes = 8, digest_bytes = 16;
constexpr Count seal_bytes = static_cast<Count>(magic.size()) + length_bytes + digest_bytes;

/// A file opened for reading (and appending) that closes itself. StorageError.
class OpenFile {
 public:
  OpenFile(const std::string& path, int flags)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC)) {
    struct stat about {};
    if (descriptor_ < 0) fail("cannot be opened");
    if (::fstat(descriptor_, &about) != 0) fail("cannot be looked at");
    if (S_ISDIR(about.st_mode)) throw StorageError(path_ + ": is a folder, not a file");
    num_bytes_ = static_cast<Count>(about.st_size);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Count num_bytes() const { return num_bytes_; }

  void read(Count first, char* out, Count count) const {
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

  void append(std::string_view bytes) const {
    if (::lseek(descriptor_, 0, SEEK_END) < 0) fail("writing failed");
    while (!bytes.empty()) {
      const auto done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("writing failed");
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    if (::fsync(descriptor_) != 0) fail("flushing to disk failed");
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw StorageError(fmt::format("{}: {}: {}", path_, what, std::strerror(errno)));
  }

  std::string path_;
  int descriptor_;
  Count num_bytes_ = 0;
};

/// Digest of the first bytes of a file. Collective.
std::string digest_of_bytes(const Communicator& comm, const std::string& path, Count num_bytes) {
  const auto file =
      collectively(comm, "opening " + path, [&] { return std::make_unique<OpenFile>(path, O_RDONLY); });
  std::vector<char> bytes;
  return blockwise_digest(comm, path, num_bytes, 1, [&](Count first, Count count) {
    bytes.resize(static_cast<std::size_t>(count));
    file->read(first, bytes.data(), count);
    return hash_bytes(bytes.data(), bytes.size());
  });
}

std::string stored_form(const Seal& seal) {
  std::string bytes(magic);
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(seal.num_bytes >> shift & 0xff);
  return bytes + seal.digest;
}

/// Local.
Seal read_seal(const std::string& path) {
  const OpenFile file(path, O_RDONLY);
  std::string head(hdf5_signature.size(), '\0');
  if (file.num_bytes() >= static_cast<Count>(head.size())) {
    file.read(0, head.data(), static_cast<Count>(head.size()));
  }
  if (head != hdf5_signature) throw InputError(path + ": is not an HDF5 file");
  std::string stored(static_cast<std::size_t>(seal_bytes), '\0');
  Seal seal;
  seal.num_bytes = file.num_bytes() - seal_bytes;
  if (seal.num_bytes >= 0) file.read(seal.num_bytes, stored.data(), seal_bytes);
  seal.digest = stored.substr(magic.size() + static_cast<std::size_t>(length_bytes));
  if (stored != stored_form(seal)) {
    throw InputError(path + ": damaged, cut short or not written by pushcart (it does not end with a seal)");
  }
  return seal;
}

}  // namespace

void append_seal(const Communicator& comm, const std::string& path) {
  Seal seal;
  seal.num_bytes = comm.broadcast(
      collectively(comm, "sealing " + path,
                   [&] { return comm.is_root() ? OpenFile(path, O_RDONLY).num_bytes() : Count{0}; }),
      0);
  seal.digest = digest_of_bytes(comm, path, seal.num_bytes);
  collectively(comm, "sealing " + path, [&] {
    if (comm.is_root()) OpenFile(path, O_RDWR).append(stored_form(seal));
  });
}

void check_seal(const Communicator& comm, const std::string& path) {
  Seal seal;
  collectively(comm, "opening " + path, [&] {
    if (comm.is_root()) seal = read_seal(path);
  });
  seal.num_bytes = comm.broadcast(seal.num_bytes, 0);
  seal.digest = comm.broadcast_text(seal.digest, 0);
  const std::string found = digest_of_bytes(comm, path, seal.num_bytes);
  if (found != seal.digest) {
    throw InputError(
        fmt::format("{}: damaged: the checksum of its bytes is {}, its seal says {}; make the file again",
                    path, found, seal.digest));
  }
}

}  // namespace pushcart::detail
