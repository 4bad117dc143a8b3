#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pushcart/ids/partition.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart::detail {

/// Counts at the items' owners how often each item is in the first N places, for several N, in the lists of
/// each segment of users.
class Exposure {
 public:
  /// @param at  the N, ascending
  Exposure(const Communicator& comm, const Partition& items, std::span<const Count> at,
           std::size_t num_segments);
  /// Collective. @param segments  of each list
  void add(const TopLists& lists, std::span<const std::size_t> segments);
  /// Of this rank's items, for the N at position `level`; of one segment, or of all.
  std::vector<Count> counts(std::size_t level, std::optional<std::size_t> segment) const;

 private:
  const Communicator& comm_;
  const Partition& items_;
  std::vector<Count> at_;
  std::size_t num_segments_;
  /// By level, then segment: places that are in this N, but in no smaller one.
  std::vector<std::vector<Count>> first_shown_;
};

/// Metrics of all lists together; EvaluationReport says what they mean.
struct CatalogueMetrics {
  double coverage = 0;
  double gini = 0;
};

/// Collective. @param counts  exposure of this rank's items, of `num_items` in all
CatalogueMetrics catalogue_metrics(const Communicator& comm, Count num_items, std::span<const Count> counts);

}  // namespace pushcart::detail
