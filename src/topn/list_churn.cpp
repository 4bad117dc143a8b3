#include "pushcart/topn/list_churn.hpp"

#include <unordered_map>

#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

std::span<const Count> items_of(const std::vector<Count>& offsets, const std::vector<Count>& items,
                                std::size_t row) {
  return std::span(items).subspan(static_cast<std::size_t>(offsets[row]),
                                  static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
}

/// Earlier lists in the new numbering, at the rank that owns their user there.
struct ArrivedLists {
  std::unordered_map<Count, std::size_t> row_of_user;
  std::vector<Count> offsets{0};
  std::vector<Count> items;
};

ArrivedLists bring(const Communicator& comm, const TopLists& earlier, const Dataset& earlier_from,
                   std::span<const Count> new_users, std::span<const Count> new_items, const Partition& to) {
  const auto items = fetch_values<Count>(comm, earlier_from.items, new_items, earlier.items);
  const Range owned = earlier_from.users.range(comm.rank());
  std::vector<Count> rows, users;
  std::vector<int> owners;
  for (std::size_t row = 0; row < earlier.rows.size(); ++row) {
    if (earlier.rows[row] < 0) continue;
    const Count user = new_users[static_cast<std::size_t>(earlier.rows[row] - owned.begin)];
    if (user < 0) continue;
    rows.push_back(static_cast<Count>(row));
    users.push_back(user);
    owners.push_back(to.owner(user));
  }
  const SendOrder send = order_by_rank(owners, comm.size());
  std::vector<Count> lengths, grouped, counts(static_cast<std::size_t>(comm.size()), 0);
  for (const Count position : send.order) {
    const auto list =
        items_of(earlier.offsets, items, static_cast<std::size_t>(rows[static_cast<std::size_t>(position)]));
    lengths.push_back(static_cast<Count>(list.size()));
    grouped.insert(grouped.end(), list.begin(), list.end());
    counts[static_cast<std::size_t>(owners[static_cast<std::size_t>(position)])] +=
        static_cast<Count>(list.size());
  }
  const auto came_users = exchange_grouped<Count>(comm, users, send);
  const auto came_lengths =
      comm.alltoallv(std::span<const Count>(lengths), std::span<const Count>(send.counts));
  ArrivedLists arrived;
  arrived.items = comm.alltoallv(std::span<const Count>(grouped), std::span<const Count>(counts)).data;
  for (std::size_t row = 0; row < came_users.data.size(); ++row) {
    arrived.row_of_user[came_users.data[row]] = row;
    arrived.offsets.push_back(arrived.offsets.back() + came_lengths.data[row]);
  }
  return arrived;
}

}  // namespace

ListChurn list_churn(const Communicator& comm, const TopLists& lists, const Dataset& dataset,
                     const TopLists& earlier, const Dataset& earlier_from,
                     std::span<const Count> earlier_users, std::span<const Count> earlier_items) {
  const ArrivedLists before = bring(comm, earlier, earlier_from, earlier_users, earlier_items, dataset.users);
  std::vector<double> shares;
  for (std::size_t row = 0; row < lists.rows.size(); ++row) {
    const auto found = before.row_of_user.find(lists.rows[row]);
    if (lists.rows[row] < 0 || found == before.row_of_user.end()) continue;
    shares.push_back(overlap(items_of(lists.offsets, lists.items, row),
                             items_of(before.offsets, before.items, found->second)));
  }
  ListChurn churn;
  churn.num_users = comm.sum(static_cast<Count>(shares.size()));
  const double sum = exact_sum(comm, shares, 1)[0];
  if (churn.num_users > 0) churn.overlap = sum / static_cast<double>(churn.num_users);
  return churn;
}

}  // namespace pushcart
