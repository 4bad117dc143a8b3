#include "pushcart/matrix/numbered_texts.hpp"

#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

StringTable numbered_texts(const Communicator& comm, const Partition& partition, const StringTable& texts,
                           std::vector<Count> index) {
  std::vector<std::int32_t> lowest(static_cast<std::size_t>(partition.num_rows()), comm.size());
  for (const Count number : index) {
    if (number >= 0) lowest[static_cast<std::size_t>(number)] = comm.rank();
  }
  comm.allreduce(std::span<std::int32_t>(lowest), Reduce::min);
  for (Count& number : index) {
    if (number >= 0 && lowest[static_cast<std::size_t>(number)] != comm.rank()) number = -1;
  }
  return strings_by_owner(comm, partition, index, texts);
}

}  // namespace pushcart
