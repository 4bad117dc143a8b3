#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/synth/synth_config.hpp"

namespace pushcart {

/// An event file as written.
struct SynthFile {
  std::string name;  ///< within the folder
  Count num_lines = 0;
  std::uint64_t digest = 0;  ///< XXH3 of its uncompressed text
};

/// Everything that was planted, over all files. Clean lines by type and dirty lines by fault add up to the
/// lines.
struct SynthSummary {
  Count num_lines = 0;
  std::array<Count, num_synth_types> clean{};   ///< lines without fault, by type
  std::array<Count, num_synth_faults> dirty{};  ///< lines with a fault
  Count num_bots = 0;
  Count num_bot_lines = 0;  ///< lines written by bots, dirty ones included
  std::vector<SynthFile> files;
  std::string truth_digest;  ///< content digest of truth.h5
};

/// Writes a believable shop log and the truth behind it into `folder` (made if missing):
///
/// - events-00000.csv ... (.jsonl, .gz): user,item,type,time,quantity,price,dwell,query,category,name; a
/// user's
///   lines stand together, in order of time, no two clean ones in the same second
/// - items.csv: item,name,category,brand,price,launch_day;  users.csv: user,country,age_group
/// - truth.h5 (kind "truth"): users/ids, users/factors_start, users/factors (at the log's end), users/is_bot;
///   items/ids, items/factors, items/popularity (share, at the end), items/category, items/launch_day;
///   lists/items and lists/affinity (best items of the first users by x_u . y_i at the end, equals by index)
/// - synth.json: the settings and the counts of SynthSummary
///
/// How shoppers choose: a session's category by taste and popularity, an item in it by popularity, kept with
/// a probability that rises with affinity x_u . y_i (standard normal for unrelated pairs); so do dwell, carts
/// and purchases. A bot views items of the whole catalogue evenly, every second or two, and buys nothing.
///
/// Every byte is the same for any number of ranks and threads. Files are handed out to the ranks, so more
/// ranks than files do not help. Memory of each rank: all items (about 4 x latent dimensions + 200 bytes
/// each), some MiB of text a thread and one user's events; users are never held together but for the truth
/// file, which a rank's share of `truth_users` bounds. The files replace those of an earlier run as a whole
/// (StagedFolder). Collective. @throws ConfigError (settings; a plan over config.memory_per_rank; event files
/// of another run in the folder), StorageError
/// @param staged  gets the files, to be named later; nullptr: they are named here
SynthSummary synthesize(const Communicator& comm, const SynthConfig& config, const std::string& folder,
                        PhaseLog& phases, std::unique_ptr<StagedOutput>* staged = nullptr);

}  // namespace pushcart
