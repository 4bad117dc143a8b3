#include "pushcart/models/popular.hpp"

#include <nlohmann/json.hpp>

#include "models/training_rows.hpp"
#include "pushcart/base/dump_json.hpp"

namespace pushcart {
namespace {

std::string settings_text(const PopularConfig& config) {
  const nlohmann::json settings = {
      {"family", "popular"},
      {"measure", config.measure == PopularMeasure::users ? "users" : "strength"},
      {"half_life_days", config.half_life_days},
      {"event_weights", config.event_weights}};
  return dump_json(settings);
}

}  // namespace

Model train_popular(const Communicator& comm, const Dataset& dataset, const PopularConfig& config) {
  Model model;
  model.family = "popular";
  model.users = dataset.users;
  model.items = dataset.items;
  model.dataset_digest = dataset.digest;
  model.config = settings_text(config);
  model.history = "[]";

  const bool of_users = config.measure == PopularMeasure::users;
  const bool all_alike = of_users && config.half_life_days == 0;
  const auto pair_value = of_users && !all_alike ? PairValue::recency : PairValue::strength;
  const TrainingRows rows =
      select_rows(comm, dataset, config.event_weights, config.half_life_days, pair_value);
  const SparseRows& by_item = rows.by_item();
  model.item_bias.reserve(static_cast<std::size_t>(by_item.num_rows()));
  for (Count item = 0; item < by_item.num_rows(); ++item) {
    double sum = 0;
    for (float value : by_item.row_values(item)) sum += all_alike ? 1.0 : static_cast<double>(value);
    model.item_bias.push_back(static_cast<float>(sum));
  }
  return model;
}

}  // namespace pushcart
