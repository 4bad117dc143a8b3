#include "topn/mark_items.hpp"

#include <algorithm>

#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart::detail {

void mark_items(const Communicator& comm, const Partition& items, std::span<const Count> indices,
                std::vector<std::uint8_t>& marks) {
  std::vector<Count> distinct(indices.begin(), indices.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::erase(distinct, Count{-1});
  std::vector<int> owners;
  for (const Count item : distinct) owners.push_back(items.owner(item));
  const Count first = items.range(comm.rank()).begin;
  for (const Count item : exchange_grouped<Count>(comm, distinct, order_by_rank(owners, comm.size())).data) {
    marks[static_cast<std::size_t>(item - first)] = 1;
  }
}

}  // namespace pushcart::detail
