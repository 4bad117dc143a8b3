#include "eval/sampled_users.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/base/digest.hpp"

namespace pushcart::detail {

std::vector<Count> sampled_users(const Communicator& comm, const Split& validation, Count max_users) {
  const SparseRows& held_out = validation.held_out.by_user;
  std::vector<Count> tested;
  for (Count row = 0; row < held_out.num_rows(); ++row) {
    if (held_out.row_length(row) > 0) tested.push_back(row);
  }
  const Count total = comm.sum(static_cast<Count>(tested.size()));
  const double share =
      total > 0 ? std::min(1.0, static_cast<double>(max_users) / static_cast<double>(total)) : 1.0;
  std::vector<Count> users;
  for (const Count row : tested) {
    const double place =
        std::ldexp(static_cast<double>(hash_text(validation.train.user_ids[row]) >> 11), -53);
    if (share == 1.0 || place < share) users.push_back(held_out.rows.begin + row);
  }
  return users;
}

}  // namespace pushcart::detail
