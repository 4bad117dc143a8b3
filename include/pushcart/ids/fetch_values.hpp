#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "pushcart/ids/partition.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace detail {

/// The rows `wanted`, in that order, of those of `width` numbers that begin at `first`.
template <Sendable T>
std::vector<T> rows_at(std::span<const T> values, Count first, std::size_t width,
                       std::span<const Count> wanted) {
  std::vector<T> rows;
  rows.reserve(wanted.size() * width);
  for (const Count row : wanted) {
    const auto found = values.subspan(static_cast<std::size_t>(row - first) * width, width);
    rows.insert(rows.end(), found.begin(), found.end());
  }
  return rows;
}

}  // namespace detail

/// Fetches rows owned by other ranks, all in one exchange: `values` holds `width` numbers for each row of
/// this rank's range of `partition`. Collective; `wanted` (global rows) may be empty, repeat and be in any
/// order.
/// @return in the order of `wanted`
template <Sendable T>
std::vector<T> fetch_rows(const Communicator& comm, const Partition& partition, std::span<const T> values,
                          std::size_t width, std::span<const Count> wanted) {
  const Range mine = partition.range(comm.rank());
  PUSHCART_CHECK(values.size() == static_cast<std::size_t>(mine.size()) * width);
  std::vector<int> owners;
  owners.reserve(wanted.size());
  for (const Count row : wanted) owners.push_back(partition.owner(row));
  const SendOrder asking = order_by_rank(owners, comm.size());
  auto asked = exchange_grouped<Count>(comm, wanted, asking);
  for (Count& count : asked.counts) count *= static_cast<Count>(width);
  // What others asked for is gone once it is sent: it may be far more than what this rank asked for.
  const auto answered =
      comm.alltoallv(std::span<const T>(detail::rows_at<T>(values, mine.begin, width, asked.data)),
                     std::span<const Count>(asked.counts));
  std::vector<T> result(wanted.size() * width);
  for (std::size_t i = 0; i < asking.order.size(); ++i) {
    std::copy_n(answered.data.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                result.begin() + asking.order[i] * static_cast<Count>(width));
  }
  return result;
}

/// The same for one number a row.
template <Sendable T>
std::vector<T> fetch_values(const Communicator& comm, const Partition& partition, std::span<const T> values,
                            std::span<const Count> wanted) {
  return fetch_rows(comm, partition, values, 1, wanted);
}

}  // namespace pushcart
