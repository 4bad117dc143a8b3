#include "eval/surprise.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/ids/fetch_values.hpp"

namespace pushcart::detail {

Surprise::Surprise(const Communicator& comm, const Dataset& train) : comm_(comm), items_(train.items) {
  const auto num_users = static_cast<double>(train.num_users());
  for (Count item = 0; item < train.by_item.num_rows(); ++item) {
    const auto users = static_cast<double>(std::max<Count>(1, train.by_item.row_length(item)));
    owned_.push_back(-std::log2(users / num_users));
  }
}

void Surprise::look_up(const TopLists& lists) {
  bits_.clear();
  std::vector<Count> items;
  for (const Count item : lists.items) {
    if (bits_.try_emplace(item, 0.0).second) items.push_back(item);
  }
  const auto fetched = fetch_values(comm_, items_, std::span<const double>(owned_), items);
  for (std::size_t i = 0; i < items.size(); ++i) bits_[items[i]] = fetched[i];
}

Count Surprise::memory_bytes(Count owned_items, Count listed_items) {
  constexpr Count node = 4 * sizeof(void*) + sizeof(double);  // of the map, with its place in the table
  return owned_items * Count{sizeof(double)} + listed_items * (node + Count{sizeof(Count) + sizeof(double)});
}

}  // namespace pushcart::detail
