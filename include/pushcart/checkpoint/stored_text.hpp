#pragma once

#include <cstdint>
#include <string>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// What a text file holds, plain or gzip.
struct StoredText {
  Count num_bytes = 0;       ///< as it lies on disk
  Count num_lines = 0;       ///< newlines of the uncompressed text
  std::uint64_t digest = 0;  ///< XXH3 of the uncompressed text, as OutputFile::digest() gives it
};

/// Reads the whole file in pieces. StorageError if it cannot be read, InputError if its compressed data are
/// damaged or end too early. Local.
StoredText inspect_text_file(const std::string& path);

}  // namespace pushcart
