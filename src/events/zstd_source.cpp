#include <zstd.h>

#include <new>

#include "events/archive_source.hpp"

namespace pushcart::detail {

namespace {

/// One or more zstd frames (RFC 8878), nothing after them.
class ZstdSource : public ArchiveSource {
 public:
  explicit ZstdSource(const std::string& path) : ArchiveSource(path), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    in_ = {input(), 0, 0};
  }

  std::size_t read(char* to, std::size_t num_bytes) override {
    ZSTD_outBuffer out{to, num_bytes, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size) in_ = {input(), refill(), 0};
      const bool at_end = in_.size == 0;
      if (at_end && !within_frame_) return 0;
      const std::size_t status = ZSTD_decompressStream(stream_.get(), &out, &in_);
      if (ZSTD_isError(status)) report_damage("zstd", in_.size - in_.pos, ZSTD_getErrorName(status));
      within_frame_ = status != 0;
      if (at_end && within_frame_ && out.pos == 0) report_damage("zstd", 0, "the file ends too early");
    }
    return given(out.pos);
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  ZSTD_inBuffer in_{};
  bool within_frame_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_zstd(const InputFile& file) {
  return std::make_unique<ZstdSource>(file.path);
}

}  // namespace pushcart::detail
