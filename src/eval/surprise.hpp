#pragma once

#include <unordered_map>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::detail {

/// How little one would expect each item of some lists: -log2(users who have it in training, at least 1, over
/// all users), in bits.
class Surprise {
 public:
  Surprise(const Communicator& comm, const Dataset& train);

  /// Knows the items of these lists, and no others. Collective.
  void look_up(const TopLists& lists);
  double of(Count item) const { return bits_.at(item); }

  /// Held on a rank that owns so many items, for lists of so many. Local.
  static Count memory_bytes(Count owned_items, Count listed_items);

 private:
  const Communicator& comm_;
  const Partition& items_;
  std::vector<double> owned_;
  std::unordered_map<Count, double> bits_;
};

}  // namespace pushcart::detail
