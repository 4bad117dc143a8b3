#include "eval/ranked_users.hpp"

namespace pushcart::detail {

std::vector<Count> tested_users(const HeldOut& held_out) {
  std::vector<Count> users;
  for (Count row = 0; row < held_out.by_user.num_rows(); ++row) {
    if (held_out.by_user.row_length(row) > 0) users.push_back(held_out.by_user.rows.begin + row);
  }
  return users;
}

TopRequest request_for(const Dataset& train, std::span<const Count> users, Count n, const SeenPolicy& seen,
                       const std::vector<std::uint8_t>& allowed) {
  TopRequest request;
  request.users.assign(users.begin(), users.end());
  request.n = n;
  request.excluded = seen_items(train, users, seen);
  request.item_allowed = allowed;
  return request;
}

std::span<const Count> list_of(const TopLists& lists, std::size_t row) {
  const auto begin = static_cast<std::size_t>(lists.offsets[row]);
  return std::span(lists.items).subspan(begin, static_cast<std::size_t>(lists.offsets[row + 1]) - begin);
}

}  // namespace pushcart::detail
