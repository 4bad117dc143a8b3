#include "matrix/k_core.hpp"

#include <algorithm>

#include "matrix/referenced_ids.hpp"

namespace pushcart::detail {

namespace {

Count num_positive(const std::vector<Count>& counts) {
  return static_cast<Count>(
      std::count_if(counts.begin(), counts.end(), [](Count count) { return count > 0; }));
}

}  // namespace

CoreCounts keep_core(const Communicator& comm, PairTable& table, Count num_user_slots, Count num_item_slots,
                     Count min_users, Count min_items) {
  const ReferencedIds items(comm, table, num_item_slots);
  std::vector<std::uint8_t> alive(table.size(), 1);
  CoreCounts counts;
  Count users_before = -1, items_before = 0, pairs_before = 0;
  for (bool changed = true; changed;) {
    counts.of_user.assign(static_cast<std::size_t>(num_user_slots), 0);
    std::vector<Count> referenced(items.size(), 0);
    Count num_alive = 0;
    for (std::size_t p = 0; p < table.size(); ++p) {
      if (!alive[p]) continue;
      ++counts.of_user[table.pairs[p].user];
      ++referenced[items.positions()[p]];
      ++num_alive;
    }
    counts.of_item = items.sum_at_owners(referenced);
    std::vector<Count> totals{num_positive(counts.of_user), num_positive(counts.of_item), num_alive};
    comm.allreduce(std::span<Count>(totals), Reduce::sum);
    if (users_before < 0) {
      users_before = totals[0];
      items_before = totals[1];
      pairs_before = totals[2];
    }
    counts.users_dropped = users_before - totals[0];
    counts.items_dropped = items_before - totals[1];
    counts.pairs_dropped = pairs_before - totals[2];
    if (min_users <= 1 && min_items <= 1) return counts;

    const auto pairs_of_item = items.fetch(counts.of_item);
    bool dropped = false;
    for (std::size_t p = 0; p < table.size(); ++p) {
      if (!alive[p]) continue;
      if (counts.of_user[table.pairs[p].user] >= min_users &&
          pairs_of_item[items.positions()[p]] >= min_items)
        continue;
      alive[p] = 0;
      dropped = true;
    }
    changed = comm.any(dropped);
  }
  table.keep(alive);
  return counts;
}

}  // namespace pushcart::detail
