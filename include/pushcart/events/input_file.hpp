#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

enum class FileCompression : int { plain, gzip, zstd };

/// A file of a log as it lies on disk.
struct InputFile {
  std::string path;
  FileCompression compression = FileCompression::plain;  ///< by its first bytes, never by its name
  Count num_bytes = 0;                                   ///< on disk
};

/// Expands globs (the matches of each sorted by name; a pattern that matches nothing is StorageError) and
/// looks at every file. StorageError: missing, a folder or device, unreadable. InputError: empty list, or a
/// file that is named like an archive but too short to be one. ConfigError: a file that is named twice.
/// Local.
std::vector<InputFile> find_inputs(const std::vector<std::string>& patterns);

/// First line of the file, uncompressed, without line end, UTF-8 byte order mark dropped; StorageError, or
/// InputError for a damaged archive. A line over max_line_bytes comes cut as by BlockReader. Local.
std::string first_line(const InputFile& file, std::size_t max_line_bytes);

/// A part of the input that one rank reads: bytes [begin, end) of a plain file (lines that START in the range
/// belong to it), or a compressed file, whole or but for the lines that start in the first bytes of its text.
struct WorkUnit {
  int file = 0;  ///< position in the list of inputs
  Count begin = 0;
  Count end = 0;
  Count left_out = 0;  ///< of a compressed file: bytes of its text whose lines are not wanted
};

/// A stretch of input that ranks share.
struct InputStretch {
  Count weight = 0;      ///< its reading, beside that of others; of one that may be cut: its bytes
  bool may_cut = false;  ///< anywhere, or not at all
};
/// Gives each rank a contiguous run of the stretches, even in weight; what is cut says from where to where.
/// The same on all ranks. Local.
/// @return by rank; WorkUnit::file is the position of a stretch
std::vector<std::vector<WorkUnit>> share_stretches(const std::vector<InputStretch>& stretches, int num_ranks);

/// Cuts the inputs into units and gives each rank a contiguous run of them, even in bytes; compressed files
/// are never cut. Units are ordered by file, then by position, and that order continues from rank to rank, so
/// (unit, line in unit) orders all lines of the job like (file, line). The same on all ranks. Local.
/// @return units by rank
std::vector<std::vector<WorkUnit>> share_inputs(const std::vector<InputFile>& files, int num_ranks);

/// Reads the lines of a work unit in blocks of whole lines, so that threads can parse a block together.
class BlockReader {
 public:
  BlockReader(const InputFile& file, const WorkUnit& unit, std::size_t block_bytes,
              std::size_t max_line_bytes);
  ~BlockReader();

  /// A block: whole lines, each ended by \n (the last line of the file may lack one). A line longer than
  /// max_line_bytes is cut to its first max_line_bytes bytes followed by one NUL and '\n' and counted once as
  /// a line; memory stays bounded however long it is. No whole line is longer than max_line_bytes, so a
  /// length of max_line_bytes + 1 (without \n) is what marks a cut line; EventParser reports it as too_long.
  /// A trailing \r counts as part of the line. A byte order mark at the start of the file is dropped. `block`
  /// is overwritten; its capacity is reused, up to block_bytes + 2 * max_line_bytes or so.
  /// @return false at the end. StorageError (read error), InputError (damaged or truncated archive).
  bool next(std::string& block);

  /// A place in the file's text, uncompressed, between the lines given so far and those to come: the former
  /// start before it, the latter do not. Local.
  Count position() const;
  /// XXH3 over this unit's bytes of the file on disk. To be asked when next() has returned false.
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart
