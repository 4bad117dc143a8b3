#pragma once

#include <cstdint>
#include <memory>

#include "pushcart/events/input_file.hpp"

namespace pushcart::detail {

/// The uncompressed bytes of a work unit, in order.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// @return bytes delivered, 0 only at the end of the unit. StorageError, or InputError for a damaged
  /// archive.
  virtual std::size_t read(char* to, std::size_t num_bytes) = 0;
  /// After the end of the unit: the bytes of the file that follow it; 0 at the end of the file.
  virtual std::size_t read_beyond(char* to, std::size_t num_bytes) = 0;
  /// Bytes of the file's text before what is read next.
  virtual Count position() const = 0;
  /// XXH3 over the unit's bytes on disk that have been read.
  virtual std::uint64_t digest() const = 0;
};

/// Without the byte order mark of the file. A plain unit that does not begin at byte 0 starts one byte early,
/// so that whoever skips to after the first newline finds the first line that starts in the unit.
std::unique_ptr<ByteSource> open_plain(const InputFile& file, const WorkUnit& unit);

/// These start with the byte order mark, if there is one: it shows only once it is uncompressed.
std::unique_ptr<ByteSource> open_gzip(const InputFile& file);
std::unique_ptr<ByteSource> open_zstd(const InputFile& file);

inline constexpr char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};

}  // namespace pushcart::detail
