#include "topn/remote_items.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace pushcart::detail {

std::vector<Count> items_of_others(std::span<const Count> items, Range own) {
  std::vector<Count> result;
  std::copy_if(items.begin(), items.end(), std::back_inserter(result),
               [&](Count item) { return !own.contains(item); });
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<Count> counts_by_owner(const Partition& partition, std::span<const Count> ascending) {
  std::vector<Count> counts(static_cast<std::size_t>(partition.num_ranks()), 0);
  for (Count item : ascending) ++counts[static_cast<std::size_t>(partition.owner(item))];
  return counts;
}

std::vector<Count> cut_by_items_of_others(
    const Communicator& comm, Range own, Count most_items, std::size_t num_rows,
    const std::function<std::span<const Count>(std::size_t row)>& touched) {
  std::vector<Count> cuts{0};
  std::unordered_set<Count> fetched;
  for (std::size_t row = 0; row < num_rows; ++row) {
    std::size_t num_added = 0;
    for (Count item : touched(row)) {
      if (!own.contains(item) && fetched.insert(item).second) ++num_added;
    }
    if (static_cast<Count>(fetched.size()) <= most_items || num_added == fetched.size()) continue;
    cuts.push_back(static_cast<Count>(row));
    fetched.clear();
    for (Count item : touched(row)) {
      if (!own.contains(item)) fetched.insert(item);
    }
  }
  cuts.push_back(static_cast<Count>(num_rows));
  const auto num_cuts = comm.allreduce(static_cast<Count>(cuts.size()), Reduce::max);
  cuts.resize(static_cast<std::size_t>(num_cuts), static_cast<Count>(num_rows));
  return cuts;
}

}  // namespace pushcart::detail
