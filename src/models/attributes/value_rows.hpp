#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "pushcart/models/attribute_map.hpp"

namespace pushcart::attributes {

/// A row of F and what it counts.
struct Share {
  Count row = 0;
  double weight = 0;
};

/// Which rows of a map's F make up m of each row of some attributes. Both must outlive this.
class ValueRows {
 public:
  ValueRows(const AttributeMap& map, const std::vector<TextColumn>& attributes);

  /// F_0 with weight 1, then the known values ascending; those of a column weigh 1 together.
  void shares_of(Count row, std::vector<Share>& shares) const;

 private:
  struct Column {
    const StringTable* texts;
    std::unordered_map<std::string_view, Count> rows;  // of F, by value
  };
  std::vector<Column> columns_;
  std::string_view separator_;
};

}  // namespace pushcart::attributes
