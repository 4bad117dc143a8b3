#pragma once

#include <vector>

#include "models/als/work_shares.hpp"

namespace pushcart::als {

/// Work that should move from one rank to another.
struct Move {
  int from = 0, to = 0;
  double heavy = 0;  ///< of blocks of heavy rows
  double whole = 0;  ///< of whole rows
};

/// What others have too much goes to those who have too little. A function of its arguments alone.
/// @param whole, heavy  work by rank, of whole rows and of blocks of heavy ones
std::vector<Move> plan_moves(const std::vector<double>& whole, const std::vector<double>& heavy,
                             HeavyBlocks heavy_blocks);

}  // namespace pushcart::als
