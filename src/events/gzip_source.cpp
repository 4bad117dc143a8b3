#include <zlib.h>

#include <algorithm>
#include <new>

#include "events/archive_source.hpp"

namespace pushcart::detail {

namespace {

/// One or more gzip members (RFC 1952), nothing after them.
class GzipSource : public ArchiveSource {
 public:
  explicit GzipSource(const std::string& path) : ArchiveSource(path) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::size_t read(char* to, std::size_t num_bytes) override {
    const auto room = static_cast<uInt>(std::min<std::size_t>(num_bytes, 1u << 30));
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = room;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) {
        stream_.avail_in = static_cast<uInt>(refill());
        stream_.next_in = reinterpret_cast<Bytef*>(input());
      }
      const bool at_end = stream_.avail_in == 0;
      if (between_members_) {
        if (at_end) return 0;
        inflateReset(&stream_);
        between_members_ = false;
      }
      // At the end of the file inflate may still hold output back, so it is asked before the file is called
      // short.
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status == Z_BUF_ERROR && at_end) {
        report_damage("gzip", 0, "the file ends too early");
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        report_damage("gzip", stream_.avail_in, stream_.msg != nullptr ? stream_.msg : "invalid data");
      }
    }
    return given(room - stream_.avail_out);
  }

 private:
  z_stream stream_{};
  bool between_members_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_gzip(const InputFile& file) {
  return std::make_unique<GzipSource>(file.path);
}

}  // namespace pushcart::detail
