#include "checkpoint/block_digests.hpp"

#include <algorithm>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

Count rows_of_block(Count row_bytes) {
  constexpr Count block_bytes = Count{1} << 22;
  return std::max<Count>(1, block_bytes / std::max<Count>(1, row_bytes));
}

std::string digest_of_blocks(const std::vector<std::uint64_t>& sums) {
  return digest_text(hash_bytes(sums.data(), sums.size() * sizeof(std::uint64_t)));
}

std::string digest_of_blocks(const Communicator& comm, std::vector<std::uint64_t> sums) {
  comm.allreduce(std::span<std::uint64_t>(sums), Reduce::sum);
  return digest_of_blocks(sums);
}

std::string blockwise_digest(const Communicator& comm, const std::string& path, Count num_rows,
                             Count row_bytes, const std::function<std::uint64_t(Count, Count)>& hash_rows) {
  const Count block_rows = rows_of_block(row_bytes);
  const Count num_blocks = (num_rows + block_rows - 1) / block_rows;
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(num_blocks), 0);
  collectively(comm, "checking sums", [&] {
    Progress progress("reading " + path, num_blocks);
    for (Count block = comm.rank(); block < num_blocks; block += comm.size()) {
      const Count first = block * block_rows;
      sums[static_cast<std::size_t>(block)] = hash_rows(first, std::min(block_rows, num_rows - first));
      progress.advance(block + comm.size());
    }
  });
  return digest_of_blocks(comm, std::move(sums));
}

}  // namespace pushcart::detail
