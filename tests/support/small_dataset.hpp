#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::test {

/// What a random dataset looks like. Everything is a function of these numbers, never of the ranks.
struct SmallDataset {
  Count num_users = 40;
  Count num_items = 30;
  double density = 0.15;  ///< mean share of pairs that interact; low indices have more, as after numbering
  std::uint64_t seed = 1;
  ValueKind value_kind = ValueKind::strength;
  std::vector<std::string> types = {};  ///< event types; none: one column "event"
  bool has_times = false;               ///< last times within 100 days before the cut-off
};

/// Assembled over the ranks: strengths in (0, 4], or ratings 1..5 with a user and an item effect; ids "u0",
/// "u1" ..., "i0" ..., names "Item 0" ... Collective.
Dataset small_dataset(const Communicator& comm, const SmallDataset& shape);

/// A dataset of exactly these pairs (the same list on all ranks), named as above. Collective.
Dataset dataset_of(const Communicator& comm, Count num_users, Count num_items,
                   const std::vector<Interaction>& pairs, ValueKind value_kind = ValueKind::strength);

/// Every pair of the job in order of (user, item), on every rank: for plain dense references. Collective.
std::vector<Interaction> all_pairs(const Communicator& comm, const Dataset& dataset);

/// All rows of a distributed table, one after another, on every rank. Collective.
template <class T>
std::vector<T> all_rows(const Communicator& comm, const std::vector<T>& owned) {
  return comm.allgather(std::span<const T>(owned)).data;
}

}  // namespace pushcart::test
