#include "pushcart/checkpoint/output_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

[[noreturn]] void fail(const std::string& path, const char* doing) {
  throw StorageError(fmt::format("{}: {} failed: {}", path, doing, std::strerror(errno)));
}

std::uint64_t digest_of_stored(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) fail(path, "reading back");
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  std::vector<char> buffer(1 << 16);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    XXH3_64bits_update(hash.get(), buffer.data(), got);
  }
  if (std::ferror(file.get())) fail(path, "reading back");
  return XXH3_64bits_digest(hash.get());
}

}  // namespace

struct OutputFile::State {
  std::string path;
  std::string temporary;
  int descriptor = -1;
  bool published = false;
  bool compressing = false;
  z_stream deflater{};
  XXH3_state_t* stored = XXH3_createState();   // what should lie on disk
  XXH3_state_t* content = XXH3_createState();  // the text before compression
  std::string pending;
  Count num_bytes = 0;

  State(std::string file_path, Compression compression, const std::string& writer) : path(std::move(file_path)) {
    temporary = path + ".partial" + (writer.empty() ? "" : "-" + writer);
    XXH3_64bits_reset(stored);
    XXH3_64bits_reset(content);
    descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
      const int reason = errno;
      free_hashes();
      errno = reason;
      fail(temporary, "creating");
    }
    if (compression == Compression::gzip) {
      compressing = true;
      constexpr int gzip_window = 15 + 16;
      if (deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free_hashes();
        throw StorageError(path + ": zlib refused to start");
      }
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
    if (!published) ::unlink(temporary.c_str());
    if (compressing) deflateEnd(&deflater);
    free_hashes();
  }
  /// Many finished files may wait to be published together.
  void free_buffers() {
    pending = std::string();
    if (std::exchange(compressing, false)) deflateEnd(&deflater);
  }
  void free_hashes() {
    XXH3_freeState(stored);
    XXH3_freeState(content);
  }

  void store(const char* data, std::size_t length) {
    num_bytes += static_cast<Count>(length);
    XXH3_64bits_update(stored, data, length);
    while (length > 0) {
      const ssize_t done = ::write(descriptor, data, length);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(path, "writing");
      data += done;
      length -= static_cast<std::size_t>(done);
    }
  }

  void compress(std::string_view text, int flush) {
    std::array<char, 1 << 15> out;
    std::string input(text);
    deflater.next_in = reinterpret_cast<Bytef*>(input.data());
    deflater.avail_in = static_cast<uInt>(input.size());
    do {
      deflater.next_out = reinterpret_cast<Bytef*>(out.data());
      deflater.avail_out = static_cast<uInt>(out.size());
      deflate(&deflater, flush);
      store(out.data(), out.size() - deflater.avail_out);
    } while (deflater.avail_out == 0);
  }

  void drain(int flush) {
    XXH3_64bits_update(content, pending.data(), pending.size());
    if (compressing) {
      compress(pending, flush);
    } else if (!pending.empty()) {
      store(pending.data(), pending.size());
    }
    pending.clear();
  }
};

OutputFile::OutputFile(std::string path, Compression compression, const std::string& writer)
    : state_(std::make_unique<State>(std::move(path), compression, writer)) {}
OutputFile::~OutputFile() = default;
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;

void OutputFile::write(std::string_view text) {
  constexpr std::size_t chunk = 1 << 20;
  while (!text.empty()) {
    const auto part = text.substr(0, chunk);
    state_->pending.append(part);
    text.remove_prefix(part.size());
    if (state_->pending.size() >= chunk) state_->drain(Z_NO_FLUSH);
  }
}

void OutputFile::finish() {
  state_->drain(Z_FINISH);
  state_->free_buffers();
  if (::fsync(state_->descriptor) != 0) fail(state_->path, "flushing to disk");
  const int closed = ::close(state_->descriptor);
  state_->descriptor = -1;
  if (closed != 0) fail(state_->path, "closing");
  if (digest_of_stored(state_->temporary) != XXH3_64bits_digest(state_->stored)) {
    throw StorageError(fmt::format("{}: what was read back differs from what was written; check the disk",
                                   state_->path));
  }
}

void OutputFile::publish() {
  PUSHCART_CHECK(state_->descriptor < 0);
  if (std::rename(state_->temporary.c_str(), state_->path.c_str()) != 0) fail(state_->path, "renaming");
  state_->published = true;
  sync_folder_of(state_->path);
}

const std::string& OutputFile::path() const { return state_->path; }
Count OutputFile::num_bytes() const { return state_->num_bytes; }
std::uint64_t OutputFile::digest() const { return XXH3_64bits_digest(state_->content); }

std::string read_text_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw StorageError(path + ": is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  std::string text, block(1 << 16, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    text.append(block, 0, static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) throw StorageError(fmt::format("{}: reading failed: {}", path, std::strerror(errno)));
  return text;
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw StorageError(fmt::format("{}: the folder cannot be made: {}", path, error.message()));
}

void sync_folder_of(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // some file systems refuse; the file itself is safe
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace pushcart
