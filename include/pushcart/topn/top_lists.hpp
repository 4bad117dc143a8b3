#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Best items for some rows (users, or items for `similar`) of this rank. Entries of row r are positions
/// [offsets[r], offsets[r+1]), best first: score descending, then item index ascending.
struct TopLists {
  std::vector<Count> rows;  ///< global index of each row; -1 for a user who is not in the dataset
  std::vector<Count> offsets{0};
  std::vector<Count> items;  ///< global item indices
  std::vector<float> scores;
  std::vector<std::uint8_t> sources;      ///< per entry: index into source_names
  std::vector<std::string> source_names;  ///< "als", "popular" ...: why the item is in the list

  Count num_rows() const { return static_cast<Count>(rows.size()); }
};

}  // namespace pushcart
