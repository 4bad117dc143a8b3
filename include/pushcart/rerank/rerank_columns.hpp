#pragma once

#include <span>
#include <string>
#include <vector>

#include "pushcart/features/feature_table.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/candidates.hpp"

namespace pushcart {

/// In the order of the models. Local.
std::vector<std::string> families_of(std::span<const Model* const> models);

/// What a re-ranker is told of a candidate (docs/rerank.md), a column each:
///  - of each model, by its family (with a number where an earlier one has it too): `FAMILY.score`, on a
///    common scale, and `FAMILY.place` in its list, NaN if it is not there;
///  - `user.pairs`, `item.pairs`: how many the data set has;
///  - of features, those of width 1: `user.NAME`, `item.NAME`, NaN where they are missing; and
///    `pair.category_share` and `pair.price_band_share`, the shares of the user's events that are on items of
///    the item's category or price band, NaN without events on such items or where the item has none.
class RerankColumns {
 public:
  /// @param families  of the models, in their order
  /// @param features  of the same users and items over the same partitions; nullptr = none. Must outlive the
  /// object, as must the others.
  RerankColumns(const Communicator& comm, const Dataset& dataset, const std::vector<std::string>& families,
                const Features* features);

  const std::vector<std::string>& names() const { return names_; }
  Count num_columns() const { return static_cast<Count>(names_.size()); }

  /// All columns of all candidates, a row a pair. The same bits for any number of ranks. Collective.
  std::vector<float> table(const CandidateSet& candidates) const;

 private:
  class Table;
  void name_features();

  const Communicator& comm_;
  const Dataset& dataset_;
  const Features* features_;
  std::vector<std::string> names_;
  std::vector<const FeatureColumn*> user_columns_, item_columns_;
  const FeatureColumn* item_category_ = nullptr;    ///< with shares of events by category
  const FeatureColumn* item_price_band_ = nullptr;  ///< with user_price_bands_
  const FeatureColumn* user_price_bands_ = nullptr;
};

}  // namespace pushcart
