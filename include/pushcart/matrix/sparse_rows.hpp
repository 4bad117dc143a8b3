#pragma once

#include <span>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Compressed sparse rows that this rank owns. Row r (local, from 0) is global row `rows.begin + r`; its entries
/// are positions [offsets[r], offsets[r+1]) of `columns` (global, ascending, no repeats) and `values`.
struct SparseRows {
  Range rows;
  Count num_columns = 0;  ///< global number of columns
  std::vector<Count> offsets{0};
  std::vector<Count> columns;
  std::vector<float> values;

  Count num_rows() const { return rows.size(); }
  Count num_entries() const { return static_cast<Count>(columns.size()); }
  Count row_length(Count local_row) const {
    return offsets[static_cast<std::size_t>(local_row) + 1] - offsets[static_cast<std::size_t>(local_row)];
  }
  std::span<const Count> row_columns(Count local_row) const {
    return std::span(columns).subspan(static_cast<std::size_t>(offsets[static_cast<std::size_t>(local_row)]),
                                      static_cast<std::size_t>(row_length(local_row)));
  }
  std::span<const float> row_values(Count local_row) const {
    return std::span(values).subspan(static_cast<std::size_t>(offsets[static_cast<std::size_t>(local_row)]),
                                     static_cast<std::size_t>(row_length(local_row)));
  }
};

}  // namespace pushcart
