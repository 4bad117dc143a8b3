#include <fmt/core.h>

#include <algorithm>

#include "events/byte_source.hpp"
#include "events/raw_file.hpp"
#include "events/stream_digest.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::detail {

namespace {

class PlainSource : public ByteSource {
 public:
  PlainSource(const InputFile& file, const WorkUnit& unit)
      : file_(file.path), unit_(unit), file_bytes_(file.num_bytes), stop_(unit.end) {
    PUSHCART_CHECK(0 <= unit.begin && unit.begin <= unit.end && unit.end <= file.num_bytes);
    position_ = std::max<Count>(0, unit.begin - 1);
    if (unit.begin == unit.end) {
      position_ = stop_;
    } else if (unit.begin == 0) {
      skip_byte_order_mark();
    }
  }

  std::size_t read(char* to, std::size_t num_bytes) override {
    const auto wanted = std::min(num_bytes, static_cast<std::size_t>(stop_ - position_));
    if (wanted == 0) return 0;
    const std::size_t got = file_.read_at(position_, to, wanted);
    if (got == 0) {
      throw StorageError(
          fmt::format("{}: ends at byte {} instead of {}: changed while it was read; run again", file_.path(),
                      position_, file_bytes_));
    }
    digest_part(to, got);
    position_ += static_cast<Count>(got);
    return got;
  }

  std::size_t read_beyond(char* to, std::size_t num_bytes) override {
    const auto wanted = std::min(num_bytes, static_cast<std::size_t>(file_bytes_ - position_));
    const std::size_t got = wanted == 0 ? 0 : file_.read_at(position_, to, wanted);
    position_ += static_cast<Count>(got);
    return got;
  }

  Count position() const override { return position_; }
  std::uint64_t digest() const override { return digest_.value(); }

 private:
  /// A unit so short that it ends within the mark still owns the line that starts there: it gets one byte of
  /// it.
  void skip_byte_order_mark() {
    constexpr Count mark_bytes = sizeof byte_order_mark;
    char first[mark_bytes];
    std::size_t got = 0;
    while (got < sizeof first) {
      const std::size_t more = file_.read_at(static_cast<Count>(got), first + got, sizeof first - got);
      if (more == 0) return;
      got += more;
    }
    if (!std::equal(first, first + mark_bytes, byte_order_mark)) return;
    digest_.update(first, static_cast<std::size_t>(std::min(unit_.end, mark_bytes)));
    position_ = mark_bytes;
    stop_ = std::max(stop_, std::min(file_bytes_, mark_bytes + 1));
  }

  /// Of bytes just read, those that lie in the unit: the one before it belongs to its neighbour.
  void digest_part(const char* data, std::size_t num_bytes) {
    const Count begin = std::clamp(position_, unit_.begin, unit_.end);
    const Count end = std::clamp(position_ + static_cast<Count>(num_bytes), unit_.begin, unit_.end);
    digest_.update(data + (begin - position_), static_cast<std::size_t>(end - begin));
  }

  RawFile file_;
  WorkUnit unit_;
  Count file_bytes_;
  Count position_ = 0;
  Count stop_;
  StreamDigest digest_;
};

}  // namespace

std::unique_ptr<ByteSource> open_plain(const InputFile& file, const WorkUnit& unit) {
  return std::make_unique<PlainSource>(file, unit);
}

}  // namespace pushcart::detail
