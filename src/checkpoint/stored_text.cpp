#include "pushcart/checkpoint/stored_text.hpp"

#include <fmt/core.h>
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

[[noreturn]] void fail(const std::string& path, gzFile file) {
  int status = Z_OK;
  const char* text = gzerror(file, &status);
  if (status == Z_ERRNO)
    throw StorageError(fmt::format("{}: reading failed: {}", path, std::strerror(errno)));
  throw InputError(fmt::format("{}: damaged: {}", path, status == Z_BUF_ERROR ? "it ends too early" : text));
}

}  // namespace

StoredText inspect_text_file(const std::string& path) {
  std::error_code error;
  StoredText stored;
  if (std::filesystem::is_directory(path, error)) throw StorageError(path + ": is a folder, not a file");
  stored.num_bytes = static_cast<Count>(std::filesystem::file_size(path, error));
  if (error) throw StorageError(fmt::format("{}: cannot be opened: {}", path, error.message()));
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
  if (!file) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));

  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(),
                                                                             XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  std::vector<char> piece(1 << 16);
  int got = 0;
  while ((got = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    XXH3_64bits_update(hash.get(), piece.data(), static_cast<std::size_t>(got));
    stored.num_lines += std::count(piece.begin(), piece.begin() + got, '\n');
  }
  int status = Z_OK;
  gzerror(file.get(), &status);
  if (got < 0 || status != Z_OK) fail(path, file.get());
  stored.digest = XXH3_64bits_digest(hash.get());
  return stored;
}

}  // namespace pushcart
