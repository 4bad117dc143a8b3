#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kept_file.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart::detail {

/// Where the chunk of a work unit is kept.
struct KeptPlace {
  int source = -1;  ///< position among the files of kept events; -1 = the unit's text is to be parsed
  Count chunk = 0;
  bool is_text() const { return source < 0; }
};

/// The files of kept events in a folder, and what of them serves the log files of a run.
class KeptSources {
 public:
  /// Looks for each log file. Files that are damaged or cannot be opened, those of which less than half would
  /// serve, and the smallest of more than 64 are left aside and told in the log. Collective; StorageError.
  KeptSources(const Communicator& comm, const std::string& folder, const KeptColumns& columns,
              std::vector<KeptKey> keys);

  /// Of the log files, in their order.
  const std::vector<KeptKey>& keys() const { return keys_; }
  /// The chunks of a log file; nothing if it is to be parsed.
  struct Found {
    int source = 0;
    Range chunks;
    Count num_rows = 0;
  };
  const std::optional<Found>& of_file(std::size_t file) const { return found_[file]; }
  Count num_rows(const KeptPlace& place) const;

  /// Local; InputError, StorageError.
  KeptChunk load(const KeptPlace& place) const;
  std::vector<KeptRejection> rejected(const KeptPlace& place) const;

  /// Files of kept events that serve no log file. The same on all ranks.
  const std::vector<std::string>& useless() const { return useless_; }
  /// A name for a new one.
  std::string next_path() const { return next_path_; }

 private:
  void open_all(const Communicator& comm, const std::vector<std::string>& paths);
  void find_all();
  void leave_mostly_unused();
  void join_small();
  bool serves(std::size_t source) const;
  Count rows_used_of(std::size_t source) const;
  void leave(std::size_t source);

  std::vector<KeptKey> keys_;
  KeptColumns columns_;
  std::vector<std::unique_ptr<KeptFile>> sources_;  // nullptr: left aside
  std::vector<bool> may_go_;                        // not if it could not be opened now, but may be later
  std::vector<std::string> paths_;
  std::vector<std::optional<Found>> found_;
  std::vector<std::string> useless_;
  std::string next_path_;
};

/// Digests of the files as they lie on disk: XXH3 over the XXH3 of blocks of 4 MiB, which the ranks share.
/// Collective; StorageError.
std::vector<std::uint64_t> stored_digests(const Communicator& comm, const std::vector<InputFile>& files);

/// Digest of all that decides what parsing makes of a file's bytes. Local; ConfigError as format_of_file.
std::uint64_t parse_settings_digest(const IngestConfig& config, const std::string& path);

}  // namespace pushcart::detail
