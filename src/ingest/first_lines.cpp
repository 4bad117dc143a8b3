#include "pushcart/ingest/first_lines.hpp"

#include "ingest/hashing.hpp"
#include "ingest/line_parser.hpp"

namespace pushcart {

std::uint64_t first_lines_digest(const InputFile& file, Count num_lines, std::size_t max_line_bytes) {
  constexpr std::size_t block_bytes = 1 << 20;
  BlockReader reader(file, {0, 0, file.num_bytes}, block_bytes, max_line_bytes);
  std::uint64_t digest = 0;
  std::string block;
  while (num_lines > 0 && reader.next(block)) {
    for (std::size_t position = 0; num_lines > 0 && position < block.size(); --num_lines)
      digest += detail::digest_part(detail::line_hash(detail::next_line(block, position)));
  }
  return digest;
}

}  // namespace pushcart
