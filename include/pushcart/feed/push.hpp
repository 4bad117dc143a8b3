#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

struct PushConfig {
  std::string folder;
  std::string campaign;
  std::optional<std::int64_t> generated;    ///< unix seconds; without it: now, by rank 0's clock
  double expires_hours = 24;                ///< > 0, after `generated`
  Count batch_size = 10000;                 ///< messages a batch file, >= 1
  std::string channel_file;                 ///< template of title and body (ChannelTemplate); empty = none
  std::optional<std::vector<Count>> users;  ///< only these: global indices of owned users, ascending
  Count max_items = 0;                      ///< items a message at most; 0 = the whole list
  Compression compression = Compression::none;
  std::string model_digest;
  Count batch_entries = Count{1} << 16;  ///< list entries whose item names a rank holds at a time
};

/// What was sent out; the same on all ranks.
struct PushReport {
  Count num_messages = 0;
  Count num_batches = 0;
  Count num_empty = 0;      ///< users left out because their list is empty
  Count num_too_short = 0;  ///< users left out because the template names more slots than they have items
  Count num_without_reason =
      0;               ///< users left out because nothing they have speaks for an item as the template wants
  std::string digest;  ///< of the messages' text, independent of ranks
  std::string manifest_path;
};

/// Writes one message a user as JSON lines, message m to batch-(m / batch_size + 1).jsonl[.gz], and
/// manifest.json. Messages are numbered by global user index, then users unknown to the dataset in their
/// order (see write_lists); a filter of users leaves the unknown out. Files are the same for any number of
/// ranks. A message:
///
///     {"user","campaign","items":[{"id","name","score","slot"}],"generated","expires","model"[,"title"],["body"]}
///
/// With lists that have reasons, an item also has "because":[{"id","name"}]: the user's own items that speak
/// for it.
///
/// They replace the set of an earlier run as a whole (StagedFolder). A rank holds at most one batch of text
/// that began on another rank. Collective. ConfigError, StorageError.
/// @param staged  gets the files, to be named later; nullptr: they are named here
PushReport push_messages(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                         const StringTable& unknown_ids, const PushConfig& config,
                         std::unique_ptr<StagedOutput>* staged = nullptr);

/// "2024-05-01T06:30:00Z". ConfigError for years outside 0 to 9999.
std::string utc_text(std::int64_t unix_seconds);
/// The inverse, also of plain unix seconds ("1714545000") and of a date alone; ConfigError naming `option`.
std::int64_t utc_from(std::string_view text, std::string_view option);

}  // namespace pushcart
