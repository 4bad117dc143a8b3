#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ingest/kept_chunk.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// What tells one parsed log file from another.
struct KeptKey {
  std::uint64_t bytes_digest = 0;  ///< of the file as it lies on disk
  Count num_bytes = 0;
  std::uint64_t settings = 0;  ///< digest of all that decides what parsing makes of it
  friend auto operator<=>(const KeptKey&, const KeptKey&) = default;
};

/// A log file in a file of kept events.
struct KeptLogFile {
  KeptKey key;
  Range chunks;
  Count num_rows = 0;
};

/// Writes chunks, each rank's after those of the ranks before it, but for the file's name. They are used up.
/// @param is_part  KeptEvents::of_part
/// @param keys  of the log files, in the order of their chunks; @param num_chunks  of each, over all ranks
/// Collective; StorageError.
FileWriter write_kept(const Communicator& comm, const std::string& path, bool is_part,
                      const KeptColumns& columns, const std::vector<KeptKey>& keys,
                      const std::vector<Count>& num_chunks, std::vector<KeptChunk>& chunks);

/// Whether a file, damaged perhaps, says of itself that it was kept as a part. Collective.
bool says_part(const Communicator& comm, const std::string& path);

/// A file of kept events, open.
class KeptFile {
 public:
  /// Collective; InputError, StorageError.
  KeptFile(const Communicator& comm, const std::string& path);

  const std::string& path() const { return file_->path(); }
  bool is_part() const;
  const std::vector<KeptLogFile>& log_files() const { return log_files_; }
  Count num_rows() const;
  /// Rows of a chunk. Local.
  Count num_rows(Count chunk) const;
  /// A chunk without its rejected lines; InputError if it cannot be what was written. Local.
  KeptChunk load(Count chunk, const KeptColumns& columns) const;
  /// The rejected lines of a chunk. Local; InputError.
  std::vector<KeptRejection> rejected(Count chunk) const;

 private:
  /// A chunk's numbers, and what lies before it in the tables.
  struct Place {
    Count rows = 0, lines = 0, returns = 0, texts = 0, types = 0, rejected = 0;
    std::uint64_t lines_digest = 0;
    Count first_row = 0, first_text = 0, first_type = 0, first_rejected = 0;
  };
  Count take(Count& left, Count wanted) const;
  void read_places();
  void read_log_files();
  void check(const KeptChunk& chunk) const;

  std::unique_ptr<FileReader> file_;
  std::vector<Place> places_;
  std::vector<KeptLogFile> log_files_;
};

}  // namespace pushcart::detail
