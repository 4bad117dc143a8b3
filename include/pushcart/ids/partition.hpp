#pragma once

#include <boost/serialization/vector.hpp>
#include <span>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Who owns which indices: rank r owns the contiguous range [cuts[r], cuts[r+1]). Cuts fall on multiples of
/// granule(num_rows), which depends on the number of rows only; whatever is summed is summed over granules
/// first, so that sums do not know about ranks (design, section 4). A rank may own nothing.
class Partition {
 public:
  Partition() : cuts_{0, 0} {}
  explicit Partition(std::vector<Count> cuts);  ///< num_ranks + 1 ascending cuts from 0; InternalError otherwise

  /// Cuts that make the predicted work even. `granule_costs[g]` is the cost of rows [g*granule, (g+1)*granule);
  /// equal on all ranks. Local.
  static Partition balanced(Count num_rows, std::span<const double> granule_costs, int num_ranks);
  /// Cuts that make the number of rows even. Local.
  static Partition even(Count num_rows, int num_ranks);

  /// Rows that always stay together: a power of two, 1 for small tables, at most 256.
  static Count granule(Count num_rows);
  static Count num_granules(Count num_rows) { return (num_rows + granule(num_rows) - 1) / granule(num_rows); }

  Count num_rows() const { return cuts_.back(); }
  int num_ranks() const { return static_cast<int>(cuts_.size()) - 1; }
  Range range(int rank) const {
    return {cuts_[static_cast<std::size_t>(rank)], cuts_[static_cast<std::size_t>(rank) + 1]};
  }
  int owner(Count row) const;
  const std::vector<Count>& cuts() const { return cuts_; }

  friend bool operator==(const Partition&, const Partition&) = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& cuts_;
  }

 private:
  std::vector<Count> cuts_;
};

}  // namespace pushcart
