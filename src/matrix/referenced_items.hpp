#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "matrix/pair_sums.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// The items that the pairs of this rank name, and the planned exchange with the ranks that own them.
class ReferencedItems {
 public:
  /// Collective. `num_owned` is the number of item slots on this rank.
  ReferencedItems(const Communicator& comm, const PairTable& table, Count num_owned);

  /// Position among the referenced items, by pair of the table given.
  const std::vector<std::uint32_t>& of_pair() const { return of_pair_; }
  std::size_t size() const { return size_; }

  /// Sums a number for each referenced item at the items' owners. Collective. @return by owned slot
  std::vector<Count> sum_at_owners(std::span<const Count> values) const;
  /// Fetches a number of each referenced item from its owner. Collective. @param owned  by owned slot
  std::vector<Count> fetch(std::span<const Count> owned) const;

 private:
  const Communicator& comm_;
  Count num_owned_;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> of_pair_;
  std::vector<std::uint32_t> send_order_;  // referenced items by owner
  std::vector<Count> send_counts_;
  std::vector<std::uint32_t> received_slots_;  // what the others reference here
  std::vector<Count> received_counts_;
};

}  // namespace pushcart::detail
