#include "pushcart/models/item_knn.hpp"

#include <fmt/core.h>

#include <cmath>

#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

void divide_rows(SparseRows& rows, double power) {
  for (Count row = 0; row < rows.num_rows(); ++row) {
    double sum = 0;
    for (const float value : rows.row_values(row)) sum += static_cast<double>(value);
    const double divisor = std::pow(sum, power);
    for (auto at = rows.offsets[static_cast<std::size_t>(row)];
         at < rows.offsets[static_cast<std::size_t>(row) + 1]; ++at) {
      float& value = rows.values[static_cast<std::size_t>(at)];
      value = static_cast<float>(static_cast<double>(value) / divisor);
    }
  }
}

}  // namespace

KeptLists kept_lists_of(std::string_view name) {
  if (name == "history") return KeptLists::of_history;
  if (name == "candidates") return KeptLists::of_candidates;
  throw ConfigError(fmt::format("'{}' is neither history nor candidates", name));
}
std::string_view kept_lists_name(KeptLists kept) {
  return kept == KeptLists::of_history ? "history" : "candidates";
}

Model train_item_knn(const Communicator& comm, const Dataset& dataset, const ItemKnnConfig& config,
                     std::string_view family, PhaseLog& phases, SimilarityReport* report,
                     RowCheckpoints* checkpoints) {
  if (!std::isfinite(config.row_power) || config.row_power < 0) {
    throw ConfigError(fmt::format("--row-power: {} is not a number of at least 0", config.row_power));
  }
  SimilarityConfig settings = config.similarity;
  const bool of_candidates = config.kept == KeptLists::of_candidates;
  settings.row_side = of_candidates ? RowSide::to : RowSide::from;
  SparseRows weights =
      similarity::matrix_of(nearest_items(comm, dataset, settings, phases, report, checkpoints));
  if (of_candidates) weights = transpose(comm, weights, dataset.items, dataset.num_items());
  if (config.row_power > 0) divide_rows(weights, config.row_power);

  Model model;
  model.family = family;
  model.users = dataset.users;
  model.items = dataset.items;
  model.item_weights = std::move(weights);
  model.dataset_digest = dataset.digest;
  model.history = "[]";
  return model;
}

}  // namespace pushcart
