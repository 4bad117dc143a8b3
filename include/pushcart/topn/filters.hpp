#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

enum class Hide : int { always, days, never };

/// Whether an item that a user has had an event with stays out of the user's list.
struct HideRule {
  Hide hide = Hide::always;
  double days =
      0;  ///< for Hide::days: hidden while the last such event is at most so old at the data's cut-off
  friend bool operator==(const HideRule&, const HideRule&) = default;
};

/// "always", "never" or a number of days such as "30"; ConfigError otherwise.
HideRule parse_hide_rule(std::string_view text);

/// Which of the items that a user knows already are hidden: those for which the rule of any event type of the
/// pair says so.
struct SeenPolicy {
  HideRule otherwise;                       ///< event types without a rule of their own
  std::map<std::string, HideRule> by_type;  ///< event type -> rule
};

/// Items to leave out of the lists of `users` (owned, ascending): row r belongs to users[r], columns are
/// items. Local. ConfigError for an event type that the dataset does not have (with the nearest it has), and
/// for a rule in days if the dataset has no times.
SparseRows seen_items(const Dataset& dataset, std::span<const Count> users, const SeenPolicy& policy);

/// The outside ids in a text file, one a line (plain, gz or zst; empty lines are skipped): this rank's share,
/// in the order of the file, which continues from rank to rank. Collective; StorageError, InputError.
StringTable read_id_list(const Communicator& comm, const std::string& path);

/// Files that say which items may be in lists; an empty path is not given.
struct ItemListFiles {
  std::string exclude;  ///< --exclude-items: never these
  std::string include;  ///< --include-items: only these
};

/// What may be in lists, and ids in the files that the dataset does not know (over all ranks).
struct AllowedItems {
  std::vector<std::uint8_t> allowed;  ///< TopRequest::item_allowed; empty if no file was given
  Count num_allowed = 0;              ///< items of the catalogue that may be in lists
  Count num_unknown_excluded = 0;
  Count num_unknown_included = 0;
};

/// Collective. InputError if no item is left.
AllowedItems allowed_items(const Communicator& comm, const Dataset& dataset, const ItemListFiles& files);

/// Per owned item: 1 = nobody has it in the data. Local.
std::vector<std::uint8_t> items_without_pairs(const Dataset& dataset);

/// Per owned item: 1 = new, which is an item without pairs, or with `days` above 0 also one that nobody's
/// latest event with lies more than so many days before the cut-off. Collective. ConfigError: days without
/// times.
std::vector<std::uint8_t> new_items(const Communicator& comm, const Dataset& dataset, double days);

/// Who is to be served.
struct ServedUsers {
  std::vector<Count> users;  ///< owned users of the dataset, ascending, each once
  StringTable unknown;     ///< ids that the dataset does not know, in the order of the file: on the rank that
                           ///< read them; they get the popular list
  Count num_unknown = 0;   ///< over all ranks
  Count num_repeated = 0;  ///< known ids given more than once, over all ranks
};

/// All users of the dataset if `path` is empty, else those in the file (--users). Collective; InputError if
/// the file names nobody.
ServedUsers served_users(const Communicator& comm, const Dataset& dataset, const std::string& path);

}  // namespace pushcart
