#pragma once

#include <cstdint>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// What was seen of a work unit.
struct UnitSummary {
  Count num_lines = 0;  ///< header and empty lines included
  std::uint64_t lines_digest = 0;
  Count returns = 0;  ///< rows with a negative quantity
};

}  // namespace pushcart::detail
