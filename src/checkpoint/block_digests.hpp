#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Checksum of a data set that does not depend on who computes it: XXH3 over the XXH3 sums of fixed blocks of
/// rows; blocks are dealt out to the ranks. `hash_rows(first, count)` hashes rows as stored. Collective;
/// `hash_rows` may throw, then all ranks throw.
std::string blockwise_digest(const Communicator& comm, Count num_rows, Count row_bytes,
                             const std::function<std::uint64_t(Count, Count)>& hash_rows);

}  // namespace pushcart::detail
