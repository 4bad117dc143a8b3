#include "pushcart/ids/partition.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace pushcart {

Partition::Partition(std::vector<Count> cuts) : cuts_(std::move(cuts)) {
  PUSHCART_CHECK(cuts_.size() >= 2 && cuts_.front() == 0);
  PUSHCART_CHECK(std::is_sorted(cuts_.begin(), cuts_.end()));
}

Partition Partition::balanced(Count num_rows, std::span<const double> granule_costs, int num_ranks) {
  PUSHCART_CHECK(static_cast<Count>(granule_costs.size()) == num_granules(num_rows) && num_ranks > 0);
  const double total = std::accumulate(granule_costs.begin(), granule_costs.end(), 0.0);
  std::vector<Count> cuts{0};
  double before = 0;
  for (Count g = 0; g < num_granules(num_rows); ++g) {
    // Cut before this granule once its middle lies beyond the next even share.
    const double middle = before + granule_costs[static_cast<std::size_t>(g)] / 2;
    while (static_cast<int>(cuts.size()) < num_ranks && middle >= total * static_cast<double>(cuts.size()) / num_ranks) {
      cuts.push_back(g * granule(num_rows));
    }
    before += granule_costs[static_cast<std::size_t>(g)];
  }
  cuts.resize(static_cast<std::size_t>(num_ranks), num_rows);
  cuts.push_back(num_rows);
  return Partition(std::move(cuts));
}

Partition Partition::even(Count num_rows, int num_ranks) {
  const std::vector<double> costs(static_cast<std::size_t>(num_granules(num_rows)), 1.0);
  return balanced(num_rows, costs, num_ranks);
}

Count Partition::granule(Count num_rows) {
  constexpr Count aimed_granules = 256, largest = 256;
  const auto even_share = static_cast<std::uint64_t>(std::max<Count>(1, num_rows / aimed_granules));
  return std::min(largest, static_cast<Count>(std::bit_floor(even_share)));
}

int Partition::owner(Count row) const {
  PUSHCART_EXPECT(0 <= row && row < num_rows());
  // The last cut at or before the row: ranks that own nothing share their cut with the next.
  return static_cast<int>(std::upper_bound(cuts_.begin(), cuts_.end(), row) - cuts_.begin()) - 1;
}

}  // namespace pushcart
