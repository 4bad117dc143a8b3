#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "matrix/pair_sums.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Ids that this rank names, each once, and the planned exchange with the ranks that own them.
class ReferencedIds {
 public:
  /// Collective. `num_owned` is the number of slots on this rank.
  ReferencedIds(const Communicator& comm, std::span<const ProvisionalId> named, Count num_owned);
  /// The items of pairs.
  ReferencedIds(const Communicator& comm, const PairTable& table, Count num_owned);

  /// Position among the referenced ids, by id named.
  const std::vector<std::uint32_t>& positions() const { return positions_; }
  std::size_t size() const { return size_; }

  /// Sums a number for each referenced id at the ids' owners. Collective. @return by owned slot
  std::vector<Count> sum_at_owners(std::span<const Count> values) const;
  /// Fetches a number of each referenced id from its owner. Collective. @param owned  by owned slot
  std::vector<Count> fetch(std::span<const Count> owned) const;

 private:
  template <class IdOf>
  void plan(std::size_t count, IdOf&& id_of);

  const Communicator& comm_;
  Count num_owned_;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint32_t> send_order_;  // referenced ids by owner
  std::vector<Count> send_counts_;
  std::vector<std::uint32_t> received_slots_;  // what the others reference here
  std::vector<Count> received_counts_;
};

}  // namespace pushcart::detail
