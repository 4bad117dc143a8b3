#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/als/biases.hpp"
#include "models/als/dense.hpp"
#include "models/als/fold_in_rows.hpp"
#include "models/als/training_data.hpp"
#include "models/fold_in_checks.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/model_memory.hpp"
#include "pushcart/models/renumber.hpp"

namespace pushcart {

namespace {

void check_model(const Communicator& comm, const Model& model) {
  const bool is_plain = model.factor_origins.size() == 1 && !model.item_weights && !model.user_items &&
                        std::holds_alternative<LeastSquaresOrigin>(model.factor_origins.front().kind);
  if (comm.any(!is_plain || !model.origin_scales.empty())) {
    throw ConfigError(
        fmt::format("--model: a model of family '{}' cannot take new items in: only factors of least squares "
                    "(als) are solved for them; train it with them",
                    model.family));
  }
}

/// The model in the order of the grown data set, where its users and items are.
Model grown_model(const Communicator& comm, const Model& model, const Dataset& trained_on,
                  const Dataset& grown) {
  IdMap ids;
  ids.users = indices_of(trained_on.users.range(comm.rank()));
  ids.items = indices_of(trained_on.items.range(comm.rank()));
  ids.num_users = trained_on.num_users();
  ids.num_items = trained_on.num_items();
  return renumber(comm, model, ids, grown);
}

/// By owned item of `grown`: 1 = the model has learned nothing of it.
std::vector<std::uint8_t> unlearned_items(const Communicator& comm, const Dataset& trained_on,
                                          const Dataset& grown) {
  std::vector<std::uint8_t> of_known;
  for (Count row = 0; row < trained_on.by_item.num_rows(); ++row) {
    of_known.push_back(trained_on.by_item.row_length(row) == 0 ? 1 : 0);
  }
  const Range mine = grown.items.range(comm.rank());
  const Count num_known = trained_on.num_items();
  const auto unlearned = fetch_values<std::uint8_t>(
      comm, trained_on.items, of_known,
      indices_of({std::min(mine.begin, num_known), std::min(mine.end, num_known)}));
  std::vector<std::uint8_t> result(static_cast<std::size_t>(mine.size()), 1);
  std::copy(unlearned.begin(), unlearned.end(), result.begin());
  return result;
}

/// The rows that are wanted; the others are empty.
SparseRows rows_of(const SparseRows& rows, const std::vector<std::uint8_t>& wanted) {
  SparseRows some{rows.rows, rows.num_columns, {0}, {}, {}};
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (wanted[static_cast<std::size_t>(row)]) {
      const auto columns = rows.row_columns(row);
      const auto values = rows.row_values(row);
      some.columns.insert(some.columns.end(), columns.begin(), columns.end());
      some.values.insert(some.values.end(), values.begin(), values.end());
    }
    some.offsets.push_back(some.num_entries());
  }
  return some;
}

/// What the items' ratings leave beside the users' biases, as observed values. @return the items' own biases
std::vector<float> remove_biases(const Communicator& comm, const Model& model, const Dataset& grown,
                                 als::ObservedRows& observed) {
  const double strength =
      nlohmann::json::parse(model.config).value("bias_regularization", AlsConfig{}.bias_regularization);
  const WorkRows rows(observed.rows());
  FactorExchange exchange(comm, rows, grown.users, {});
  const als::RatingSide side{observed.rows(), observed.values(), exchange, grown.num_items()};
  std::vector<float> biases = als::regularized_means(side, model.mean, model.user_bias, strength);
  observed.set_values(als::rating_residuals(side, model.mean, biases, model.user_bias));
  return biases;
}

}  // namespace

void check_takes_new_items(const Communicator& comm, const Model& model, const FoldInConfig& config) {
  check_model(comm, model);
  detail::check_pair_weight(config.pair_weight);
}

void plan_fold_in_items(MemoryPlan& plan, const Model& model, const DatasetSizes& grown, Count num_users) {
  constexpr Count entry_bytes = sizeof(Count) + sizeof(float);
  const Count row_bytes = model.item_factors.num_columns * Count{sizeof(float)};
  const Count num_new = grown.items - model.item_factors.rows.size();
  plan.add("model with new items", memory_bytes(model) + num_new * row_bytes);
  plan.add("interactions as the model weighs them", (grown.user_entries + grown.item_entries) * entry_bytes);
  // Beside them their targets and the places of the users' factors.
  plan.add("interactions of the items folded in",
           grown.item_entries * (entry_bytes + Count{sizeof(float) + sizeof(std::int32_t)}));
  plan.add("factors of their users",
           (std::min(num_users, grown.item_entries) + model.user_factors.rows.size()) * row_bytes);
  plan.add("factors of the items folded in", 2 * grown.items * row_bytes);
}

Model fold_in_items(const Communicator& comm, const Model& model, const Dataset& trained_on,
                    const Dataset& grown, PhaseLog& phases, const FoldInConfig& config) {
  check_takes_new_items(comm, model, config);
  PUSHCART_CHECK(grown.num_users() == trained_on.num_users() && grown.num_items() >= trained_on.num_items());
  const auto timer = phases.time("fold in", grown.by_item.num_rows());
  Model folded = grown_model(comm, model, trained_on, grown);
  const auto& origin = std::get<LeastSquaresOrigin>(folded.factor_origins.front().kind);
  als::use_one_blas_thread();

  const std::vector<std::uint8_t> is_new = unlearned_items(comm, trained_on, grown);
  const TrainingRows rows = select_rows(comm, grown, origin.event_weights, 0, PairValue::strength);
  als::check_values(comm, grown, rows.by_user(),
                    als::ObservedRows(rows.by_user(), origin.objective,
                                      als::transformed_values(rows.by_user(), origin.transform))
                        .values(),
                    origin.objective.target);
  const SparseRows new_rows = rows_of(rows.by_item(), is_new);
  als::ObservedRows observed(new_rows, origin.objective, als::transformed_values(new_rows, origin.transform));
  std::vector<float> biases;
  if (origin.objective.target == AlsTarget::ratings) biases = remove_biases(comm, folded, grown, observed);
  observed.set_weight_scale(static_cast<float>(config.pair_weight));
  std::optional<FactorTable> expected;
  if (folded.item_attribute_map) {
    detail::tell_missing(*folded.item_attribute_map, grown.item_attributes, "item");
    expected = mapped_factors(*folded.item_attribute_map, grown.item_attributes, new_rows.rows);
  }
  const FactorTable solved =
      als::fold_in_rows(comm, {observed, grown.num_items(), grown.users, folded.user_factors},
                        origin.objective, expected ? &*expected : nullptr);
  for (Count row = 0; row < new_rows.num_rows(); ++row) {
    if (!is_new[static_cast<std::size_t>(row)]) continue;
    std::ranges::copy(solved.row(row), folded.item_factors.row(row).begin());
    if (!biases.empty()) {
      folded.item_bias[static_cast<std::size_t>(row)] = biases[static_cast<std::size_t>(row)];
    }
  }
  folded.dataset_digest = grown.digest;
  return folded;
}

}  // namespace pushcart
