#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/similarity.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// What the rows of some lists are.
enum class ListKind : int {
  user_lists,     ///< a row a user: items to recommend
  similar_items,  ///< a row an item: its nearest other items
  query_lists     ///< a row a search query: items for it
};

enum class ListFormat : int { hdf5, csv, jsonl };
/// "hdf5", "csv" or "jsonl"; ConfigError naming --format otherwise.
ListFormat list_format_from(std::string_view text);
/// "none" or "gzip"; ConfigError naming --compression otherwise.
Compression compression_from(std::string_view text);

struct ListOptions {
  std::string folder;
  std::vector<ListFormat> formats{ListFormat::csv};  ///< at least one
  Compression compression = Compression::none;       ///< of the text shards
  ListKind kind = ListKind::user_lists;
  std::string model_digest;
  Count n = 0;                           ///< length asked for, written to the manifest
  Count batch_entries = Count{1} << 16;  ///< list entries whose item names a rank holds at a time
  const Neighbours* bought_together =
      nullptr;  ///< of owned items or queries, with support: also written, as together-*.csv
};

/// What was written; the same on all ranks.
struct ListFilesInfo {
  std::string digest;  ///< of row ids, items, scores, labels and reasons: independent of ranks, formats and
                       ///< compression
  Count num_rows = 0;
  Count num_entries = 0;
  Count num_reasons = 0;
  std::string manifest_path;
};

/// Writes lists to a folder: text shards part-00000.csv[.gz] / .jsonl[.gz], one a rank, and lists.h5 for all
/// ranks together, then manifest.json. The text of the shards in the order of their numbers is the same for
/// any number of ranks but for the CSV header, which every shard has (docs/file-formats.md).
///
/// Rows of `lists` are owned users (items, queries), ascending, then rows of -1: users (queries) that are not
/// in the dataset, whose outside ids are `unknown_ids` in that order (given to the ranks in consecutive
/// pieces). If there are any, they have shards of their own, numbered after those of the known users.
///
/// Lists with reasons (topn/explain.hpp) have them in the JSON lines and in lists.h5, and beside the CSV
/// shards in shards of their own, reasons-00000.csv[.gz], a reason a line:
///
///     user,rank,item,reason,kind,because,name,contribution
///
/// Bought-together lists have a shard a rank, together-00000.csv[.gz], with columns
///
///     item,rank,other,name,score,support,share,lift
///
/// support: users who have both; share: of the users of `item`, those who have `other` too; lift: support
/// over what it would be if the two had nothing to do with each other. Those of queries begin with `query`.
///
/// The files replace the set of an earlier run as a whole (StagedFolder); after an error that set is as it
/// was. Collective. ConfigError, StorageError; InternalError for rows or items out of range or a score that
/// is not finite.
/// @param staged  gets the files, to be named later; nullptr: they are named here
ListFilesInfo write_lists(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                          const StringTable& unknown_ids, const ListOptions& options,
                          std::unique_ptr<StagedOutput>* staged = nullptr);

/// Lists as they were written, on the ranks that own their rows in `dataset`.
struct StoredLists {
  TopLists lists;
  StringTable unknown_ids;  ///< outside ids of this rank's rows of -1
  ListKind kind = ListKind::user_lists;
  std::string model_digest;
  Count n = 0;
  std::string digest;  ///< content digest of the file
};

/// Reads a lists.h5, on any number of ranks. Collective. InputError if it is damaged or was made from another
/// dataset, StorageError if it is missing.
StoredLists read_lists(const Communicator& comm, const std::string& path, const Dataset& dataset);

}  // namespace pushcart
