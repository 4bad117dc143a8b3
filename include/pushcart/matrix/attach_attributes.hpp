#pragma once

#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

enum class AttributeSide : int { users, items };

/// What becomes of rows of items that the data set does not know.
enum class UnknownItems : int {
  left_out,
  added  ///< they get a place behind all others, those with more rows first, then by id bytes
};

/// A catalogue or a table of user profiles: a delimited file, plain, gz or zst, fields may be quoted.
struct AttributeFile {
  std::string path = {};
  char delimiter = 0;  ///< 0: the one of tab, comma, semicolon and | that is most frequent in the first line
  std::string id_column = {};  ///< name of the column of outside ids; empty: the first column
  std::string name_column =
      {};  ///< items: column of readable names; empty: "name" or "title", if there is one
  /// Names of the columns of a file without header; empty: the first line names them.
  std::vector<std::string> column_names = {};
  UnknownItems unknown_items = UnknownItems::left_out;
};

/// What became of the rows of such a file; the same on all ranks.
struct AttributeReport {
  Count rows = 0;      ///< read, header and empty lines left out
  Count matched = 0;   ///< attached to a user or item
  Count unknown = 0;   ///< their id is not in the data set
  Count repeated = 0;  ///< their id came before: the first row stays
  Count added = 0;     ///< items that came new (UnknownItems::added); their rows are matched too
  Count bad = 0;       ///< unclosed quote, too long, no id, or more fields than columns; left out
};

/// Gives the users or items of the data set every other column of the file as a TextColumn, and items their
/// names. An attribute or name that is there already gives way where the file has a text. Rows may come in
/// any order; if they may add items, indices of other items stay, but the cuts over the ranks change; missing
/// fields are empty; invalid UTF-8 becomes U+FFFD. Each rank reads a share of the file and sends the texts to
/// the owners. Collective.
/// @throws StorageError; ConfigError for a column that is not there; InputError if no row matches any id. On
/// an
///         error the data set is as before.
AttributeReport attach_attributes(const Communicator& comm, Dataset& dataset, AttributeSide side,
                                  const AttributeFile& file);

/// The external ids of the file that the data set does not know, as often as they come, each on some rank.
/// Bad rows have none. Collective. Errors as above, but for a file that names nothing known.
StringTable unknown_ids(const Communicator& comm, const Dataset& dataset, AttributeSide side,
                        const AttributeFile& file);

}  // namespace pushcart
