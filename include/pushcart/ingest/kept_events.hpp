#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/staged_output.hpp"

namespace pushcart {

/// Of files with kept events.
inline constexpr const char* kept_events_kind = "kept-events";

/// What earlier runs parsed of log files, so that clean_log need not read their text again: a folder of files
/// `000001.h5`, each with what one run parsed. A log file is known by its bytes (size and XXH3) and by the
/// settings that decide what parsing makes of them, whatever its name. The log is the same to the last bit
/// with them and without; what is damaged, of other bytes or of other settings is parsed anew. It is a cache:
/// what goes wrong with it is told in the log, and never ends a run.
struct KeptEvents {
  std::string folder;  ///< need not be there
  bool adds = true;  ///< what is parsed now is kept for later, and what no file of this log needs is removed
  /// The log is a part of one, of files that are not kept yet: what is kept is not looked at, and stays.
  bool of_part = false;
  /// Open at once; beyond that, the smallest are made one, and half so many are left.
  std::size_t most_files = 64;

  // Filled by clean_log, the same on all ranks. Bytes are those of the log files on disk.
  Count files_parsed = 0, bytes_parsed = 0;
  Count files_taken = 0, bytes_taken = 0;  ///< taken from what was kept
  std::string not_kept;                    ///< the error that kept anything from being kept; empty = none
  /// Files in the folder that were kept as parts and hold events of this log, or are damaged.
  std::vector<std::string> parts;
  /// What is kept from now on, to take its name with the other outputs; nullptr if nothing changes. It must
  /// not outlive this.
  std::unique_ptr<StagedOutput> output;
};

}  // namespace pushcart
