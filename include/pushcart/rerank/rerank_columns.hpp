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
///    the item's category or price band, NaN without events on such items or where the item has none;
///  - of features text_vector and category_vector: `pair.text_similarity` and `pair.category_similarity`, the
///    cosine between the item's vector and the user's profile, NaN where either is missing.
class RerankColumns {
 public:
  /// @param families  of the models, in their order
  /// @param features  of the same users and items over the same partitions; nullptr = none. Must outlive the
  /// object, as must the others.
  RerankColumns(const Communicator& comm, const Dataset& dataset, const std::vector<std::string>& families,
                const Features* features);

  const std::vector<std::string>& names() const { return names_; }
  Count num_columns() const { return static_cast<Count>(names_.size()); }

  /// All columns of all candidates, a row a pair. What items are comes to this rank in one exchange. The same
  /// bits for any number of ranks. Collective.
  std::vector<float> table(const CandidateSet& candidates) const;

  /// What is held here of the owned items, in bytes.
  Count owned_bytes() const;
  /// What table() takes at most for the rows of items that it fetches, and to find them, in bytes. Local.
  /// @param num_pairs    candidates of all users together
  /// @param num_history  likewise, pairs of the data set
  Count fetched_bytes(Count num_pairs, Count num_history) const;
  /// What it takes at most beyond that for the rows that other ranks fetch from this one at the same time, in
  /// bytes: a rank with popular items is asked by all. Collective; each rank gives its own numbers.
  Count served_bytes(Count num_pairs, Count num_history) const;

 private:
  class Table;
  void name_features();
  void name_similarities();
  void pack_items();
  std::vector<Count> items_told_of(const CandidateSet& candidates) const;
  Count num_told_of(Count num_pairs, Count num_history) const;
  Count row_bytes() const { return static_cast<Count>(item_width_ * sizeof(float)); }

  const Communicator& comm_;
  const Dataset& dataset_;
  const Features* features_;
  std::vector<std::string> names_;
  std::vector<const FeatureColumn*> user_columns_, item_columns_;
  std::vector<const FeatureColumn*> item_vectors_;  ///< that profiles are made of
  const FeatureColumn* item_category_ = nullptr;    ///< with shares of events by category
  const FeatureColumn* item_price_band_ = nullptr;  ///< with user_price_bands_
  const FeatureColumn* user_price_bands_ = nullptr;
  std::size_t item_width_ = 0;    ///< numbers of an item: its pairs, item_columns_, item_vectors_
  std::vector<float> item_rows_;  ///< of the owned items
};

}  // namespace pushcart
