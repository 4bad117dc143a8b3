#include "pushcart/comm/exact_sum.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/base/sum_grid.hpp"

namespace pushcart {

std::vector<double> exact_sum(const Communicator& comm, std::span<const double> blocks, std::size_t width) {
  PUSHCART_CHECK(width > 0 && blocks.size() % width == 0);
  std::vector<double> largest(width, 0);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    // A NaN would lose against max; infinity carries it to the result instead.
    const double magnitude = std::isnan(blocks[i]) ? HUGE_VAL : std::abs(blocks[i]);
    largest[i % width] = std::max(largest[i % width], magnitude);
  }
  comm.allreduce(std::span<double>(largest), Reduce::max);
  const Count num_rows = comm.sum(static_cast<Count>(blocks.size() / width));

  std::vector<double> sums(width, 0);
  for (std::size_t column = 0; column < width; ++column) {
    if (!std::isfinite(largest[column])) {
      sums[column] = NAN;
      continue;
    }
    const SumGrid grid(largest[column], num_rows);
    for (std::size_t i = column; i < blocks.size(); i += width) sums[column] += grid.round(blocks[i]);
  }
  comm.allreduce(std::span<double>(sums), Reduce::sum);
  return sums;
}

}  // namespace pushcart
