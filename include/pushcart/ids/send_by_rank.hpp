#pragma once

#include <span>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Stable order that groups elements by destination rank, and how many go to each.
struct SendOrder {
  std::vector<Count> order;   ///< positions of the elements, grouped by destination
  std::vector<Count> counts;  ///< by rank
};
SendOrder order_by_rank(std::span<const int> destinations, int num_ranks);

/// Strings to ranks: rows `order` of `texts`, cut by `counts`. Collective. @return by source rank, in order
StringTable exchange_strings(const Communicator& comm, const StringTable& texts, const SendOrder& send);

/// Elements of `values`, or rows of `width` of them, to ranks, in the grouped order. Collective.
template <Sendable T>
Received<T> exchange_grouped(const Communicator& comm, std::span<const T> values, const SendOrder& send,
                             std::size_t width = 1) {
  std::vector<T> grouped;
  grouped.reserve(send.order.size() * width);
  for (const Count position : send.order) {
    const auto row = values.subspan(static_cast<std::size_t>(position) * width, width);
    grouped.insert(grouped.end(), row.begin(), row.end());
  }
  std::vector<Count> counts = send.counts;
  for (Count& count : counts) count *= static_cast<Count>(width);
  return comm.alltoallv(std::span<const T>(grouped), std::span<const Count>(counts));
}

}  // namespace pushcart
