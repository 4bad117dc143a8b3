#pragma once

#include <cstdint>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// A row that is worked on: entries [begin, end), numbered as in WorkRows.
struct RowPiece {
  Count row = 0;
  Count begin = 0;
  Count end = 0;
};

/// Rows of a distributed table: those this rank owns where they lie, the others in a buffer.
struct GatheredRows {
  const float* owned = nullptr;
  const float* fetched = nullptr;
  Count width = 0;
  const float* operator[](std::int32_t position) const {
    return position < 0 ? owned + Count{~position} * width : fetched + Count{position} * width;
  }
};

}  // namespace pushcart
