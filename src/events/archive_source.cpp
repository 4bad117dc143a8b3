#include "events/archive_source.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

std::size_t ArchiveSource::refill() {
  const std::size_t got = file_.read_at(position_, input_.data(), input_.size());
  digest_.update(input_.data(), got);
  position_ += static_cast<Count>(got);
  return got;
}

std::size_t ArchiveSource::given(std::size_t num_bytes) {
  given_ += static_cast<Count>(num_bytes);
  return num_bytes;
}

void ArchiveSource::report_damage(const char* kind, std::size_t unused, const char* detail) const {
  throw InputError(
      fmt::format("{}: damaged or truncated {} archive at byte {}: {}; copy or create the file again",
                  file_.path(), kind, position_ - static_cast<Count>(unused), detail));
}

}  // namespace pushcart::detail
