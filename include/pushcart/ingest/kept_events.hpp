#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/staged_output.hpp"

namespace pushcart {

/// Of files with kept events.
inline constexpr const char* kept_events_kind = "kept-events";

/// How far the reading of a log has come, between two rounds of it. The same on all ranks.
struct ReadingState {
  bool is_read = false;                 ///< all of it: only the data set is left to make
  Count new_rows = 0;                   ///< parsed and not written yet, of all ranks
  Count most_rows = 0;                  ///< the same, of the rank that has most
  Count num_bytes = 0, bytes_left = 0;  ///< of the text to be parsed in this run, on disk
  Count num_files = 0, files_left = 0;  ///< log files with such text, and with some that is left
  Count bytes_to_digest = 0;  ///< of log files that are read once more before the new rows can be written
  bool is_over_budget =
      false;  ///< writing the new rows brings memory back under IngestConfig::memory_per_rank
};

/// Files of parts.
struct WrittenParts {
  Count num_bytes = 0;        ///< 0: there is none
  Count num_rows = 0;         ///< of all ranks
  Count num_left_out = 0;     ///< rows of all ranks whose log files have changed since they were read
  Count digested_bytes = 0;   ///< of log files that were read once more before
  double digest_seconds = 0;  ///< what that took on this rank

  WrittenParts& operator+=(const WrittenParts& more) {
    num_bytes += more.num_bytes;
    num_rows += more.num_rows;
    num_left_out += more.num_left_out;
    digested_bytes += more.digested_bytes;
    digest_seconds += more.digest_seconds;
    return *this;
  }
};
/// Writes what was parsed first and is not written yet, at most so many rows of this rank, but a chunk (some
/// 100,000 rows, if it has so many) where they are fewer; what is kept for later nights, too, is not written if
/// they are none. Collective.
using WriteParts = std::function<WrittenParts(Count most_rows)>;

/// Decides between the rounds of reading a log what is written of it, and whether the run goes on.
class ReadingCheckpoints {
 public:
  virtual ~ReadingCheckpoints() = default;
  /// Somebody counts on them: ConfigError where --memory-per-rank leaves no room. Local, the same on all
  /// ranks.
  virtual bool are_asked_for() const { return false; }
  /// The options that ask for them, as the error names them. Local.
  virtual std::string options() const { return "--max-hours and --checkpoint-every"; }
  /// Reading begins, and can be stopped between its rounds; else nothing here is called. Collective.
  virtual void begin() = 0;
  /// What follows cannot be stopped: all is read, or nothing can be kept. Perhaps without begin(), or again.
  /// Local.
  virtual void end() {}
  /// After an error of `write`, which KeptEvents::not_kept tells, this is not called again. Collective.
  /// StoppedError.
  virtual void between_rounds(const ReadingState& state, const WriteParts& write) = 0;
};

/// What was there under the temporary name of a part when a run began.
struct KeptLeftover {
  std::string path;
  std::filesystem::file_time_type changed;  ///< unless it changes, nobody writes it any more
};

/// What earlier runs parsed of log files, so that clean_log need not read their text again: a folder of files
/// `000001.h5`, each with what one run parsed. A log file is known by its bytes (size and XXH3) and by the
/// settings that decide what parsing makes of them, whatever its name. The log is the same to the last bit
/// with them and without; what is damaged, of other bytes or of other settings is parsed anew. It is a cache:
/// what goes wrong with it is told in the log, and never ends a run.
struct KeptEvents {
  std::string folder;  ///< need not be there
  bool adds = true;  ///< what is parsed now is kept for later, and what no file of this log needs is removed
  /// In place of that, what is parsed is written to the folder as this decides, while the log is read: files
  /// that hold parts of its files, and are kept as such; what else is there stays. nullptr: not so.
  ReadingCheckpoints* checkpoints = nullptr;
  /// With checkpoints: they serve until all is read. Then what was parsed, also by the runs that wrote them,
  /// is kept for later as without them, and they go.
  bool adds_at_end = false;
  bool is_of_this_output = false;  ///< the folder: all parts there are in `parts`, also those of other logs
  bool takes = true;               ///< what is there is taken; if not, parts of this log are still found
  std::string taken_from;          ///< another folder, or a single file; empty = `folder`
  /// Beyond that, the smallest are made one, and half so many are left.
  std::size_t most_files = 64;

  // Filled by clean_log, the same on all ranks. Bytes are those of the log files on disk.
  Count files_parsed = 0, bytes_parsed = 0;
  Count files_taken = 0, bytes_taken = 0;  ///< taken from what was kept, whole
  Count files_in_part = 0;                 ///< of those parsed: taken in part
  Count rows_taken = 0;                    ///< of files taken whole and in part
  Count rows_of_parts = 0;                 ///< of those: in files of parts
  std::string not_kept;                    ///< the error that kept anything from being kept; empty = none
  /// Files in the folder that were kept as parts and hold events of this log, also damaged ones that say so.
  std::vector<std::string> parts;
  std::vector<KeptLeftover> leftovers;  ///< of parts among these, and after them; on rank 0
  /// What is kept from now on, to take its name with the other outputs; nullptr if nothing changes. It must
  /// not outlive this.
  std::unique_ptr<StagedOutput> output;

  bool is_for_later() const { return adds && (!checkpoints || adds_at_end); }
};

}  // namespace pushcart
