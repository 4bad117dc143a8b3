#pragma once

#include <vector>

#include "pushcart/eval/split.hpp"

namespace pushcart::detail {

/// Tested users of this rank, ascending, at most about max_users over all ranks: those with the smallest
/// hashes of their ids. Collective.
std::vector<Count> sampled_users(const Communicator& comm, const Split& validation, Count max_users);

}  // namespace pushcart::detail
