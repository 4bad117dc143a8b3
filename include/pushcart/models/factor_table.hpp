#pragma once

#include <span>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Dense factors of the rows that this rank owns: row-major, `num_columns` floats a row, no padding.
struct FactorTable {
  Range rows;  ///< global
  Count num_columns = 0;
  std::vector<float> values;

  bool empty() const { return num_columns == 0; }
  std::span<const float> row(Count local_row) const {
    return std::span(values).subspan(static_cast<std::size_t>(local_row * num_columns),
                                     static_cast<std::size_t>(num_columns));
  }
  std::span<float> row(Count local_row) {
    return std::span(values).subspan(static_cast<std::size_t>(local_row * num_columns),
                                     static_cast<std::size_t>(num_columns));
  }
};

}  // namespace pushcart
