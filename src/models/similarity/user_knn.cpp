#include "pushcart/models/user_knn.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "models/similarity/side_rows.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

Model train_user_knn(const Communicator& comm, const Dataset& dataset, const UserKnnConfig& config,
                     PhaseLog& phases, SimilarityReport* report, const UserKnnCheckpoints& checkpoints) {
  if (config.kept_items < 1) {
    throw ConfigError(fmt::format("--kept-items: {} is not at least 1", config.kept_items));
  }
  SparseRows users = similarity::matrix_of(
      nearest_users(comm, dataset, config.similarity, phases, report, checkpoints.users));
  const similarity::SideChoice choice{"--to-events", config.similarity.to_events,
                                      config.similarity.event_weights, false};
  similarity::Product product;
  product.left = similarity::plain_operand(std::make_shared<const SparseRows>(std::move(users)),
                                           SimilarityValues::as_is);
  product.right = similarity::plain_operand(
      similarity::side_rows(comm, dataset, choice, similarity::Outer::items, similarity::InnerStatistic::none)
          .rows,
      config.similarity.values);
  product.rows_are_columns = false;
  product.num_inner = static_cast<double>(dataset.num_users());

  SimilarityConfig items = config.similarity;
  items.k = std::min(config.kept_items, dataset.num_items());
  items.shrinkage = 0;
  items.min_support = 1;
  Model model;
  model.family = "userknn";
  model.users = dataset.users;
  model.items = dataset.items;
  model.user_items = similarity::matrix_of(
      similarity::best_of_product(comm, product, dataset.items, items, phases, report, checkpoints.items));
  model.dataset_digest = dataset.digest;
  model.history = "[]";
  return model;
}

}  // namespace pushcart
