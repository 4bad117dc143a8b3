#include "ingest/gzip_member.hpp"

#include <zlib.h>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

struct GzipMember::State {
  z_stream deflater{};
  std::string pending;
  std::string compressed;
  bool any = false;
};

GzipMember::GzipMember() : state_(new State) {
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&state_->deflater, Z_BEST_SPEED, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    delete state_;
    throw InternalError("zlib refused to start");
  }
}

GzipMember::~GzipMember() {
  deflateEnd(&state_->deflater);
  delete state_;
}

void GzipMember::write(std::string_view text) {
  constexpr std::size_t chunk = 1 << 18;
  state_->any = state_->any || !text.empty();
  state_->pending += text;
  if (state_->pending.size() >= chunk) drain(Z_NO_FLUSH);
}

void GzipMember::drain(int flush) {
  auto& deflater = state_->deflater;
  deflater.next_in = reinterpret_cast<Bytef*>(state_->pending.data());
  deflater.avail_in = static_cast<uInt>(state_->pending.size());
  constexpr std::size_t step = 1 << 16;
  do {
    const std::size_t used = state_->compressed.size();
    state_->compressed.resize(used + step);
    deflater.next_out = reinterpret_cast<Bytef*>(state_->compressed.data() + used);
    deflater.avail_out = static_cast<uInt>(step);
    deflate(&deflater, flush);
    state_->compressed.resize(used + step - deflater.avail_out);
  } while (deflater.avail_out == 0);
  state_->pending.clear();
}

std::string GzipMember::finish() {
  if (!state_->any) return {};
  drain(Z_FINISH);
  return std::move(state_->compressed);
}

}  // namespace pushcart::detail
