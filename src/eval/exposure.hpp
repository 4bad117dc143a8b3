#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::detail {

/// Counts at the items' owners how often each item is in the first N places, for several N.
class Exposure {
 public:
  /// @param at  the N, ascending
  Exposure(const Communicator& comm, const Partition& items, std::span<const Count> at);
  /// Collective.
  void add(const TopLists& lists);
  /// Of this rank's items, for the N at position `level`.
  std::vector<Count> counts(std::size_t level) const;

 private:
  const Communicator& comm_;
  const Partition& items_;
  std::vector<Count> at_;
  std::vector<std::vector<Count>>
      first_shown_;  ///< by level: places that are in this N, but in no smaller one
};

/// Metrics of all lists together; EvaluationReport says what they mean.
struct CatalogueMetrics {
  double coverage = 0;
  double gini = 0;
  double novelty = 0;
};

/// Collective. @param counts  exposure of this rank's items
CatalogueMetrics catalogue_metrics(const Communicator& comm, const Dataset& train,
                                   std::span<const Count> counts);

}  // namespace pushcart::detail
