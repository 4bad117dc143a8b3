#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Rows of a block.
Count rows_of_block(Count row_bytes);

/// The checksum of a data set from its blocks' sums. Local.
std::string digest_of_blocks(const std::vector<std::uint64_t>& sums);

/// The same; each block's sum is on one rank, 0 on all others. Collective.
std::string digest_of_blocks(const Communicator& comm, std::vector<std::uint64_t> sums);

/// Checksum of a data set that does not depend on who computes it: XXH3 over the XXH3 sums of fixed blocks of
/// rows; blocks are dealt out to the ranks. `hash_rows(first, count)` hashes rows as stored. Collective;
/// `hash_rows` may throw, then all ranks throw.
std::string blockwise_digest(const Communicator& comm, const std::string& path, Count num_rows,
                             Count row_bytes, const std::function<std::uint64_t(Count, Count)>& hash_rows);

}  // namespace pushcart::detail
