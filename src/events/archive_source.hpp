#pragma once

#include <string>
#include <vector>

#include "events/byte_source.hpp"
#include "events/raw_file.hpp"
#include "events/stream_digest.hpp"

namespace pushcart::detail {

/// What the readers of archives share: the compressed bytes, their digest, and how damage is reported.
class ArchiveSource : public ByteSource {
 public:
  explicit ArchiveSource(const std::string& path) : file_(path), input_(1 << 18) {}
  std::size_t read_beyond(char*, std::size_t) override { return 0; }
  Count position() const override { return given_; }
  std::uint64_t digest() const override { return digest_.value(); }

 protected:
  /// The next compressed bytes, in input(). @return how many, 0 at the end of the file
  std::size_t refill();
  char* input() { return input_.data(); }
  /// To be called with what read() gives. @return the same
  std::size_t given(std::size_t num_bytes);
  /// @param unused  bytes of input() that were not consumed
  [[noreturn]] void report_damage(const char* kind, std::size_t unused, const char* detail) const;

 private:
  RawFile file_;
  std::vector<char> input_;
  Count position_ = 0, given_ = 0;
  StreamDigest digest_;
};

}  // namespace pushcart::detail
