#pragma once

#include <cstddef>
#include <cstdint>

#include "pushcart/events/input_file.hpp"

namespace pushcart {

/// InputDigest::lines_digest of the first lines of a file, header included; of all if it has no more. Reads
/// the file up to there. Local; StorageError, or InputError for a damaged archive.
/// @param max_line_bytes  of the format that the digest to compare with was made in
std::uint64_t first_lines_digest(const InputFile& file, Count num_lines, std::size_t max_line_bytes);

}  // namespace pushcart
