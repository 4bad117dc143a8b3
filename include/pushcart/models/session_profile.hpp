#pragma once

#include <span>
#include <string>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// What a user's items count by the user's current session, the last one of its pairs, in place of their
/// values: an item s steps back in the session decay^s, the latest (s = 0) 1; all others `earlier`.
struct SessionProfile {
  double gap_minutes = 30;  ///< a longer pause ends a session; > 0
  double decay = 0.8;       ///< in [0, 1]; 0 = only the latest
  double earlier = 0;       ///< >= 0
  bool operator==(const SessionProfile&) const = default;
};

/// ConfigError naming the option. Local.
void check_profile(const SessionProfile& profile);

/// As JSON, for the model file, and back; InputError naming `path` for what is none.
std::string session_profile_text(const SessionProfile& profile);
SessionProfile session_profile_of(const std::string& text, const std::string& path);

/// by_user of the data set with what the items count as values; pairs that count nothing are not there, nor
/// are those of other users. Local. @param users  owned, by global index, ascending
SparseRows profile_rows(const Dataset& dataset, const SessionProfile& profile, std::span<const Count> users);

}  // namespace pushcart
