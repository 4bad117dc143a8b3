#pragma once

#include <optional>

#include "models/similarity/block_ring.hpp"
#include "models/similarity/left_shares.hpp"
#include "models/similarity/operands.hpp"
#include "pushcart/base/phases.hpp"

namespace pushcart::similarity {

/// How the ranks share a search out, before any of it.
class SharedSearch {
 public:
  /// Says what memory it will take, then brings the rows that this rank searches for others. Starts no
  /// requests. Collective; ConfigError over the budget. @param product  must stay
  SharedSearch(const Communicator& comm, const Product& product, const SimilarityConfig& config);

  /// With the left rows that this rank searches.
  const Product& product() const { return shared_ ? *shared_ : product_; }
  LeftShares& shares() { return shares_; }
  const RingOrder& order() const { return order_; }

 private:
  const Product& product_;
  LeftShares shares_;
  const RingOrder order_;
  std::optional<Product> shared_;
};

/// The engine: the config.k best columns of every left row. Left rows, too, are numbered through all ranks.
/// @param columns  who owns which right rows.
/// @param checkpoints  as for nearest_items. Collective.
Neighbours best_of_product(const Communicator& comm, const Product& product, const Partition& columns,
                           const SimilarityConfig& config, PhaseLog& phases, SimilarityReport* report,
                           RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart::similarity
