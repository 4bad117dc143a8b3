#include "models/attributes/value_rows.hpp"

#include <algorithm>

#include "models/attributes/tags.hpp"

namespace pushcart::attributes {

ValueRows::ValueRows(const AttributeMap& map, const std::vector<TextColumn>& attributes)
    : separator_(map.separator) {
  Count next = 1;
  for (const AttributeMap::Column& column : map.columns) {
    const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const TextColumn& candidate) {
      return candidate.name == column.name;
    });
    if (found != attributes.end()) {
      columns_.push_back({&found->values, {}});
      for (Count value = 0; value < column.values.size(); ++value) {
        columns_.back().rows.emplace(column.values[value], next + value);
      }
    }
    next += column.values.size();
  }
}

void ValueRows::shares_of(Count row, std::vector<Share>& shares) const {
  shares.assign(1, {0, 1.0});
  for (const Column& column : columns_) {
    const auto first = static_cast<std::ptrdiff_t>(shares.size());
    for_each_tag((*column.texts)[row], separator_, [&](std::string_view value) {
      const auto found = column.rows.find(value);
      if (found != column.rows.end()) shares.push_back({found->second, 0});
    });
    const auto by_row = [](const Share& a, const Share& b) { return a.row < b.row; };
    const auto same_row = [](const Share& a, const Share& b) { return a.row == b.row; };
    std::sort(shares.begin() + first, shares.end(), by_row);
    shares.erase(std::unique(shares.begin() + first, shares.end(), same_row), shares.end());
    const auto count = static_cast<double>(static_cast<std::ptrdiff_t>(shares.size()) - first);
    for (auto share = shares.begin() + first; share != shares.end(); ++share) share->weight = 1 / count;
  }
}

}  // namespace pushcart::attributes
