#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "pushcart/store/night.hpp"

namespace pushcart {

/// A file of a log as a night has read it.
struct LogFile {
  std::string path;
  Count num_bytes = 0;    ///< on disk
  Count num_lines = 0;    ///< header included
  std::string digest;     ///< of its lines, whatever their order; empty if the file is
  bool is_empty = false;  ///< no line but a header
  friend bool operator==(const LogFile&, const LogFile&) = default;
};

nlohmann::ordered_json log_files_json(std::span<const LogFile> files);

/// All files that the nights have read, each as it was when it was read last. Local; InputError for facts
/// that are damaged.
std::vector<LogFile> files_read(std::span<const Night> nights);

/// Tonight's files beside those of earlier nights.
struct NewFiles {
  std::vector<LogFile> files;       ///< not read before, or not as they are now
  std::vector<Count> lines_before;  ///< of each that has grown: its lines then; of others 0
  std::vector<LogFile> moved;  ///< lines of a file that is not there any more: renamed, rotated, compressed
  std::vector<std::string> empty;   ///< of these: without an event
  std::vector<std::string> copies;  ///< of these: "b.csv (as a.csv)", same lines as another file
};

/// Whether the file of this path begins tonight with the lines that it had before.
using StillBegins = std::function<bool(const LogFile& before)>;
/// @param still_begins  asked, in the order of `tonight`, of each file that has more lines than before; as
///                      collective as it is
NewFiles compare_files(std::span<const LogFile> tonight, std::span<const LogFile> before,
                       const StillBegins& still_begins);

}  // namespace pushcart
