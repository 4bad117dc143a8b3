#pragma once

#include <numeric>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// All of a range, ascending.
inline std::vector<Count> indices_of(Range range) {
  std::vector<Count> indices(static_cast<std::size_t>(range.size()));
  std::iota(indices.begin(), indices.end(), range.begin);
  return indices;
}

}  // namespace pushcart
