#include "matrix/merge_texts.hpp"

#include <algorithm>

namespace pushcart::detail {

StringTable merged(const StringTable& fresh, const StringTable& old) {
  StringTable result;
  for (Count row = 0; row < fresh.size(); ++row) {
    result.push_back(fresh[row].empty() && row < old.size() ? old[row] : fresh[row]);
  }
  return result;
}

void merge_column(std::vector<TextColumn>& columns, const std::string& name, const StringTable& values) {
  const auto same = std::find_if(columns.begin(), columns.end(),
                                 [&](const TextColumn& column) { return column.name == name; });
  if (same == columns.end()) {
    columns.push_back({name, values});
  } else {
    same->values = merged(values, same->values);
  }
}

}  // namespace pushcart::detail
