#include "models/similarity/neighbour_matrix.hpp"

#include <algorithm>
#include <utility>

namespace pushcart::similarity {

SparseRows matrix_of(const Neighbours& neighbours) {
  SparseRows rows;
  rows.rows = neighbours.rows;
  rows.num_columns = neighbours.num_columns;
  rows.offsets = neighbours.offsets;
  rows.columns.reserve(neighbours.columns.size());
  rows.values.reserve(neighbours.columns.size());
  std::vector<std::pair<Count, float>> entries;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    entries.clear();
    for (auto at = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
         at < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++at) {
      entries.emplace_back(neighbours.columns[at], neighbours.scores[at]);
    }
    std::sort(entries.begin(), entries.end());
    for (const auto& [column, score] : entries) {
      rows.columns.push_back(column);
      rows.values.push_back(score);
    }
  }
  return rows;
}

}  // namespace pushcart::similarity
