#pragma once

#include <span>
#include <vector>

#include "pushcart/ids/partition.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

/// Fetches numbers owned by other ranks: `values` holds one for each row of this rank's range of `partition`.
/// Collective; `wanted` (global rows) may be empty, repeat and be in any order. @return in the order of
/// `wanted`
template <Sendable T>
std::vector<T> fetch_values(const Communicator& comm, const Partition& partition, std::span<const T> values,
                            std::span<const Count> wanted) {
  const Range mine = partition.range(comm.rank());
  PUSHCART_CHECK(static_cast<Count>(values.size()) == mine.size());
  std::vector<int> owners;
  owners.reserve(wanted.size());
  for (const Count row : wanted) owners.push_back(partition.owner(row));
  const SendOrder asking = order_by_rank(owners, comm.size());
  const auto asked = exchange_grouped<Count>(comm, wanted, asking);
  std::vector<T> answers;
  answers.reserve(asked.data.size());
  for (const Count row : asked.data) answers.push_back(values[static_cast<std::size_t>(row - mine.begin)]);
  const auto answered = comm.alltoallv(std::span<const T>(answers), std::span<const Count>(asked.counts));
  std::vector<T> result(wanted.size());
  for (std::size_t i = 0; i < asking.order.size(); ++i) {
    result[static_cast<std::size_t>(asking.order[i])] = answered.data[i];
  }
  return result;
}

}  // namespace pushcart
