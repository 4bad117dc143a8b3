#pragma once

#include <string>
#include <vector>

namespace pushcart {

/// Whether a file of this path would lie among the kept events of a folder under a name as theirs. Local.
bool is_named_as_kept(const std::string& folder, const std::string& path);

/// Removes these of KeptEvents::parts, what a killed run has left of one under its temporary name, and the
/// folder if nothing else is in it; what cannot be removed is told in the log. Local.
void remove_parts(const std::string& folder, const std::vector<std::string>& parts);

}  // namespace pushcart
