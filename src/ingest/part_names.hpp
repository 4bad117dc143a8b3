#pragma once

#include <string>
#include <vector>

#include "pushcart/ingest/kept_events.hpp"

namespace pushcart::detail {

/// "kept", 7 -> "kept/000007.h5"
std::string kept_path(const std::string& folder, Count number);

/// Makes the next name after `number` that nobody has taken this run's alone, by an empty file under its
/// temporary name; makes the folder too. Local; StorageError.
/// @return its number
Count claim_kept(const std::string& folder, Count number);

/// What runs that were killed have left under temporary names, from the first of these numbers up to the
/// last, and right after it: those that the next runs passed over, or would have taken. Local.
std::vector<KeptLeftover> leftovers_from(const std::string& folder, Count first_number, Count last_number);

}  // namespace pushcart::detail
