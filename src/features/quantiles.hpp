#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Numbers of one column on this rank, to be asked for quantiles over all ranks. NaN is left out.
class SortedColumn {
 public:
  void add(float value);
  void sort();
  Count size() const { return static_cast<Count>(keys_.size()); }
  /// How many have a key of at most `key`; after sort().
  Count up_to(std::uint32_t key) const;

  /// Keys are in order as the numbers are; -0 is 0.
  static std::uint32_t key_of(float value);
  static float value_of(std::uint32_t key);

 private:
  std::vector<std::uint32_t> keys_;
};

/// For each column and each p in [0, 1]: the least value v such that at least a share p of the column's
/// values on all ranks, and at least one, are at most v; NaN for a column without values. Exact. Collective.
/// @return columns x probabilities, row-major
std::vector<float> quantiles(const Communicator& comm, std::span<const SortedColumn> columns,
                             std::span<const double> probabilities);

}  // namespace pushcart::detail
