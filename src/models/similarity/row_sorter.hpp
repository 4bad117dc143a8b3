#pragma once

#include <vector>

#include "models/similarity/best_columns.hpp"

namespace pushcart::similarity {

/// Puts the best of a row in order, the best first. Short rows by counting how many keys are larger, which
/// takes more steps than a sort but no branches.
class RowSorter {
 public:
  RowSorter(Count k, bool has_support);

  void sort(BestOfRows& best, Count row);

 private:
  const ScoreKernels& kernels_;
  std::vector<std::uint64_t> places_, keys_;
  std::vector<std::uint32_t> support_;
};

}  // namespace pushcart::similarity
