#pragma once

#include <filesystem>
#include <map>
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

/// A chunk of a log file.
struct KeptStretch {
  KeptPlace place;
  Range text;  ///< of the file: its lines start there; not known of a file that is kept whole
};

/// What this rank met when it read a file.
struct LocalFailure {
  bool is_damaged = false;  ///< or it cannot be read now
  std::string text;
};

/// "000007.h5" -> 7; 0 for names that files of kept events do not have.
Count number_of_kept(const std::filesystem::path& path);

/// The file of kept events that --resume names, or those of the folder. The same on all ranks. Collective;
/// StorageError if what is there cannot be read.
std::vector<std::string> named_kept_files(const Communicator& comm, const std::string& path);

/// The files of kept events in a folder, and what of them serves the log files of a run.
class KeptSources {
 public:
  /// Opens them; those that are damaged or cannot be opened are left aside and told in the log. Collective;
  /// StorageError if the folder cannot be read.
  /// @param named  of KeptEvents::taken_from, if there is any
  KeptSources(const Communicator& comm, const KeptEvents& kept, std::vector<std::string> named,
              const KeptColumns& columns, std::size_t num_log_files);
  bool is_empty() const { return paths_.empty(); }
  bool any_opened() const;
  /// Looks for each log file, and, for checkpoints, for parts of it. Kept for later nights, files of which
  /// less than half would serve, and the smallest of too many, are left aside and told in the log. Local.
  void look_for(std::vector<KeptKey> keys);

  /// Of the log files, in their order.
  const std::vector<KeptKey>& keys() const { return keys_; }
  /// The chunks of a log file, in its order; none if all of it is to be parsed.
  const std::vector<KeptStretch>& of_file(std::size_t file) const { return found_[file].stretches; }
  /// Whether they are all of it.
  bool is_whole(std::size_t file) const { return found_[file].is_whole; }
  /// Whether they are so in a file of whole ones, where they stay.
  bool stays(std::size_t file) const { return found_[file].whole_in >= 0; }
  /// Whether the chunk is in a file of parts.
  bool is_part(const KeptPlace& place) const {
    return sources_[static_cast<std::size_t>(place.source)]->is_part();
  }
  Count num_rows(const KeptPlace& place) const;
  Count num_rows_of_file(std::size_t file) const;
  /// Where the chunk's lines start in the text of its file; not known of a file that is kept whole. Local.
  std::optional<Range> text_of(const KeptPlace& place) const;
  /// Log files of which nothing is taken, and that are there as other settings parse them. Local.
  Count num_of_other_settings() const;
  /// Log files that parts are of, and whose bytes none of this log has. Local.
  Count num_of_other_logs() const;

  /// Local; InputError, StorageError.
  KeptChunk load(const KeptPlace& place);
  /// Nothing if they cannot be read. Local.
  std::optional<std::vector<KeptRejection>> rejected(const KeptPlace& place);

  /// Leaves aside the files of which a part could not be read on some rank. Collective.
  /// @return whether there were any
  bool leave_failed(const Communicator& comm);
  /// The same once all is read: they go, since what is in them is of no use to a later run, but for those that
  /// have changed since they were opened. Collective.
  void remove_failed(const Communicator& comm);

  /// Files of kept events that serve no log file, or are damaged. The same on all ranks.
  const std::vector<std::string>& useless() const { return useless_; }
  /// Those left aside though they could serve, and parts that do, if something is kept for later: their log
  /// files are to be in the new one. The same on all ranks.
  const std::vector<std::string>& replaced() const { return replaced_; }
  /// KeptEvents::parts. The same on all ranks.
  std::vector<std::string> parts() const;
  /// KeptEvents::leftovers. Local.
  std::vector<KeptLeftover> leftovers() const;
  /// A name for a new one; another each time.
  std::string next_path();
  /// The same for a part: no other run takes it, and its folder is made. Collective; StorageError.
  std::string claim_path(const Communicator& comm);

 private:
  void open_all(const Communicator& comm);
  void choose();
  void find_all();
  struct Found {
    std::vector<KeptStretch> stretches;
    bool is_whole = false;
    int whole_in = -1;  // one file, in no parts
    bool is_in(std::size_t source) const;
  };
  Found found_whole(int source, const KeptLogFile& log_file) const;
  static Found joined(std::vector<KeptStretch> parts);
  template <class Read>
  auto read_from(const KeptPlace& place, Read&& read);
  /// Positions of the files that failed on some rank, told in the log. Collective.
  std::vector<std::size_t> take_failed(const Communicator& comm);
  void leave_mostly_unused();
  void join_small();
  bool serves(std::size_t source) const;
  bool holds_any_of_log(std::size_t source) const;
  Count rows_used_of(std::size_t source) const;
  void leave(std::size_t source);

  std::vector<KeptKey> keys_;
  KeptColumns columns_;
  std::vector<std::unique_ptr<KeptFile>> sources_;  // nullptr: left aside
  std::vector<bool> may_go_;                        // not if it could not be read now, but may be later
  std::vector<std::string> paths_;
  std::size_t most_files_;
  bool takes_, takes_parts_, is_for_later_;
  std::map<std::size_t, LocalFailure> failed_;  // by file, on this rank
  std::vector<Found> found_;
  std::vector<Found> of_parts_;  // by log file: what they alone hold of it
  std::vector<std::string> useless_, replaced_;
  std::map<std::string, std::string> damaged_parts_;  // by path: said_logs()
  bool is_elsewhere_;                                 // what is taken: not in the folder
  bool is_of_this_output_;
  std::string folder_;
  Count last_number_ = 0;
};

/// Digests of the files as they lie on disk: XXH3 over the XXH3 of blocks of 4 MiB, which the ranks share.
/// Collective; StorageError.
std::vector<std::uint64_t> stored_digests(const Communicator& comm, const std::vector<InputFile>& files);

/// Digest of all that decides what parsing makes of a file's bytes. Local; ConfigError as format_of_file.
std::uint64_t parse_settings_digest(const IngestConfig& config, const std::string& path);

}  // namespace pushcart::detail
