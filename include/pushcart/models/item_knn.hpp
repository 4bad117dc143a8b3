#pragma once

#include <string_view>

#include "pushcart/models/similarity.hpp"

namespace pushcart {

/// Which lists of k best are kept of the matrix W_ji of a history's item j and a candidate i.
enum class KeptLists : int {
  of_history,    ///< "history": of every item of a history its k best candidates
  of_candidates  ///< "candidates": of every candidate the k items of histories that speak most for it
};
KeptLists kept_lists_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view kept_lists_name(KeptLists kept);

struct ItemKnnConfig {
  SimilarityConfig similarity;
  KeptLists kept = KeptLists::of_history;
  /// Rows of W are divided by the sum of their weights to this power: 0 = as they are, 1 = rows that sum
  /// to 1.
  double row_power = 0;
};

/// Items like those of the history: item_weights W_ji = similarity of j and i, cut to k. The same bits for
/// any number of ranks and threads. Collective; errors as nearest_items. @param family  name for the model
/// @param checkpoints  as for nearest_items
Model train_item_knn(const Communicator& comm, const Dataset& dataset, const ItemKnnConfig& config,
                     std::string_view family, PhaseLog& phases, SimilarityReport* report = nullptr,
                     RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
