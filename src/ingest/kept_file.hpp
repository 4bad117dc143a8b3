#pragma once

#include <functional>
#include <memory>
#include <optional>
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

/// The numbers of a chunk.
struct KeptCounts {
  Count rows = 0, lines = 0;
  std::uint64_t lines_digest = 0;
  Count returns = 0, texts = 0, types = 0, rejected = 0;
};

/// What a rank has for a file of kept events. Long columns are made when they are written, one after another.
struct KeptContent {
  std::vector<KeptKey> keys;      ///< of the log files, in the order of their chunks; the same on all ranks
  std::vector<Count> num_chunks;  ///< of each, over all ranks
  std::vector<KeptCounts> chunks;
  std::vector<Range> parts;  ///< of a file's text, by chunk; empty: log files are kept whole
  std::function<std::vector<KeptRow>()> rows;
  std::function<std::vector<LineHash>()> hashes;  ///< asked if the columns have them, like the next
  std::function<std::vector<EventDetails>()> details;
  std::function<std::vector<KeptLabels>()> labels;
  std::function<StringTable()> texts;
  StringTable types;
  std::vector<KeptRejection> rejected;
};

enum class KeptAs : int { whole_files, parts };

/// Writes them, each rank's after those of the ranks before it, but for the file's name. Collective;
/// StorageError.
FileWriter write_kept(const Communicator& comm, const std::string& path, KeptAs as,
                      const KeptColumns& columns, const KeptContent& content);

/// Of these chunks, which are used up as they are asked for.
KeptContent content_of(std::vector<KeptChunk>& chunks);

/// What a file, damaged perhaps, says of itself if it was kept as a part: the digests of its log files'
/// bytes, in 16 digits each with a space before (some thousands of them at most). Nothing if it does not say
/// that. Collective.
std::optional<std::string> said_logs(const Communicator& comm, const std::string& path);
/// As it has it of one file.
std::string said_log(const KeptKey& key);

/// A file of kept events, as it was when its seal was checked. It is open only while something of it is read,
/// however many there are.
class KeptFile {
 public:
  /// Collective; InputError, StorageError.
  KeptFile(const Communicator& comm, const std::string& path);

  const std::string& path() const { return file_->path(); }
  bool has_changed() const { return file_->has_changed(); }
  bool is_part() const;
  const std::vector<KeptLogFile>& log_files() const { return log_files_; }
  Count num_rows() const;
  /// Rows of a chunk. Local.
  Count num_rows(Count chunk) const;
  /// Of its file's text: the chunk's lines start there. Of a part. Local.
  Range part(Count chunk) const { return parts_[static_cast<std::size_t>(chunk)]; }
  /// A chunk without its rejected lines; InputError if it cannot be what was written, or the file has changed
  /// since it was checked; StorageError. Local.
  KeptChunk load(Count chunk, const KeptColumns& columns) const;
  /// The rejected lines of a chunk. Local; InputError, StorageError.
  std::vector<KeptRejection> rejected(Count chunk) const;

 private:
  /// A chunk's numbers, and what lies before it in the tables.
  struct Place : KeptCounts {
    Count first_row = 0, first_text = 0, first_type = 0, first_rejected = 0;
  };
  KeptChunk read_chunk(const Place& place, const KeptColumns& columns) const;
  std::vector<KeptRejection> read_rejected(const Place& place) const;
  Count take(Count& left, Count wanted) const;
  void read_places();
  void read_log_files();
  void read_parts();
  void check(const KeptChunk& chunk) const;

  std::unique_ptr<FileReader> file_;
  std::vector<Place> places_;
  std::vector<Range> parts_;  // by chunk; empty unless it holds parts
  std::vector<KeptLogFile> log_files_;
};

}  // namespace pushcart::detail
