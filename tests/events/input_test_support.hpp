#pragma once

#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pushcart/events/input_file.hpp"
#include "support/gzip.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// This room knows no ranks: each tests for itself. Collective.
inline std::string folder_of_this_rank(const std::string& name) {
  const std::string folder = scratch_folder(name) + "/" + std::to_string(world().rank());
  std::filesystem::create_directories(folder);
  return folder;
}

inline InputFile write_input(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return find_inputs({path}).at(0);
}

inline std::string zstd_frame(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// The lines of a block or file, as they stand there, without line ends.
inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, stop - begin));
    begin = stop + 1;
  }
  return lines;
}

struct UnitContent {
  std::string text;  ///< all blocks, one after the other
  std::uint64_t digest = 0;
};

/// Reads a unit, checking that blocks are whole lines.
inline UnitContent read_unit(const InputFile& file, const WorkUnit& unit, std::size_t block_bytes,
                             std::size_t max_line_bytes = 1 << 20) {
  BlockReader reader(file, unit, block_bytes, max_line_bytes);
  UnitContent content;
  std::string block;
  bool ended = true;
  while (reader.next(block)) {
    if (!ended || block.empty()) throw std::logic_error("a block that is not whole lines");
    ended = block.back() == '\n';
    content.text += block;
  }
  content.digest = reader.digest();
  return content;
}

inline UnitContent read_whole(const InputFile& file, std::size_t block_bytes,
                              std::size_t max_line_bytes = 1 << 20) {
  return read_unit(file, {0, 0, file.num_bytes}, block_bytes, max_line_bytes);
}

}  // namespace pushcart::test
