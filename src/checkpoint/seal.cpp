#include "checkpoint/seal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/block_digests.hpp"
#include "checkpoint/plain_file.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

constexpr std::string_view magic = "pushcart";
constexpr std::string_view hdf5_signature = "\x89HDF\r\n\x1a\n";
constexpr Count length_bytes = 8, digest_bytes = 16;
constexpr Count seal_bytes = static_cast<Count>(magic.size()) + length_bytes + digest_bytes;

std::uint64_t hash_of_block(const PlainFile& file, Count first, Count count, std::vector<char>& bytes) {
  bytes.resize(static_cast<std::size_t>(count));
  file.read(first, bytes.data(), count);
  return hash_bytes(bytes.data(), bytes.size());
}

/// Digest of the first bytes of a file. Collective.
std::string digest_of_bytes(const Communicator& comm, const std::string& path, Count num_bytes) {
  const auto file = collectively(comm, "opening " + path, [&] { return std::make_unique<PlainFile>(path); });
  std::vector<char> bytes;
  return blockwise_digest(comm, path, num_bytes, 1, [&](Count first, Count count) {
    return hash_of_block(*file, first, count, bytes);
  });
}

std::string stored_form(const Seal& seal) {
  std::string bytes(magic);
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(seal.num_bytes >> shift & 0xff);
  return bytes + seal.digest;
}

/// Local.
Seal read_seal(const std::string& path) {
  const PlainFile file(path);
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
  seal.num_bytes =
      comm.broadcast(collectively(comm, "sealing " + path,
                                  [&] { return comm.is_root() ? PlainFile(path).num_bytes() : Count{0}; }),
                     0);
  seal.digest = digest_of_bytes(comm, path, seal.num_bytes);
  collectively(comm, "sealing " + path, [&] {
    if (!comm.is_root()) return;
    const PlainFile file(path, PlainFile::For::writing);
    file.append(stored_form(seal));
    file.flush();
  });
}

Seal check_seal(const Communicator& comm, const std::string& path) {
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
  return seal;
}

bool fits_seal(const std::string& path, const Seal& seal) {
  const PlainFile file(path);
  const Count block_bytes = rows_of_block(1);
  std::vector<char> bytes;
  std::vector<std::uint64_t> sums;
  for (Count first = 0; first < seal.num_bytes; first += block_bytes)
    sums.push_back(hash_of_block(file, first, std::min(block_bytes, seal.num_bytes - first), bytes));
  return digest_of_blocks(sums) == seal.digest;
}

}  // namespace pushcart::detail
