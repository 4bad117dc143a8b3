#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::als {

/// Sums what `terms(local row)` gives, an array of Width numbers, over all rows of all ranks: in order within
/// each granule, then exactly, so that the result does not know about ranks. Collective.
template <std::size_t Width, class Terms>
std::vector<double> sum_over_rows(const Communicator& comm, Range rows, Count num_rows, Terms&& terms) {
  const Count granule = Partition::granule(num_rows);
  const Count num_blocks = (rows.size() + granule - 1) / granule;
  std::vector<double> sums(static_cast<std::size_t>(num_blocks) * Width);
  parallel_for(num_blocks, [&](Count number) {
    std::array<double, Width> block{};
    for (Count row = number * granule; row < std::min((number + 1) * granule, rows.size()); ++row) {
      const std::array<double, Width> values = terms(row);
      for (std::size_t n = 0; n < Width; ++n) block[n] += values[n];
    }
    std::copy(block.begin(), block.end(), sums.begin() + number * static_cast<Count>(Width));
  });
  return exact_sum(comm, sums, Width);
}

}  // namespace pushcart::als
