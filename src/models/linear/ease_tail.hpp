#pragma once

#include <span>
#include <vector>

#include "pushcart/models/ease.hpp"

namespace pushcart::linear {

/// Weights to and from the items beyond the head of EASE: similarities on the scale of the head's weights.
class EaseTailWeights {
 public:
  /// Finds the neighbours of all items. Collective; errors as nearest_items. @param size  items of the head
  EaseTailWeights(const Communicator& comm, const Dataset& dataset, const EaseConfig& config, Count size,
                  PhaseLog& phases);

  /// Compares an owned item's similarities with its row of B = -negated / diagonal, in the head. Any thread,
  /// each row once.
  void compare(Count local_row, std::span<const float> negated, std::span<const float> diagonal);

  /// The weights of the head and those of the tail. Collective; once all rows of the head are compared.
  /// @param num_owned_head  owned items of the head
  SparseRows join(const SparseRows& head, Count num_owned_head);
  /// What similarities were multiplied with.
  double scale() const { return scale_; }

  static Count planned_bytes(Count num_rows, Count num_neighbours) {
    return num_rows * num_neighbours * 2 * Count{sizeof(Count) + sizeof(float)};  // neighbours, and joined
  }

 private:
  const Communicator& comm_;
  const Count size_;
  SparseRows similar_;
  std::vector<double> products_;  // of B and similarities, and of these with themselves, by owned item
  double scale_ = 1;
};

}  // namespace pushcart::linear
