#pragma once

#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart::detail {

/// Where the new text is empty, the old one stays; no rows of old ones are empty texts. Local.
StringTable merged(const StringTable& fresh, const StringTable& old);

/// The same for the column of that name, which is added if there is none. Local.
void merge_column(std::vector<TextColumn>& columns, const std::string& name, const StringTable& values);

}  // namespace pushcart::detail
