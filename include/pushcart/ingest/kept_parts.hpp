#pragma once

#include <string>
#include <vector>

#include "pushcart/ingest/kept_events.hpp"

namespace pushcart {

/// Whether a file of this path would lie among the kept events of a folder under a name as theirs. Local.
bool is_named_as_kept(const std::string& folder, const std::string& path);

/// Removes these of KeptEvents::parts and ::leftovers, those that nobody has changed since, and the folder if
/// nothing else is in it; what cannot be removed is told in the log. Local.
void remove_parts(const std::string& folder, const std::vector<std::string>& parts,
                  const std::vector<KeptLeftover>& leftovers);

/// Removes those that nobody has changed since; what cannot be removed is told in the log. Local.
void remove_leftovers(const std::vector<KeptLeftover>& leftovers);

}  // namespace pushcart
