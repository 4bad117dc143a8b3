#include "pushcart/models/fold_in.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/als/biases.hpp"
#include "models/als/dense.hpp"
#include "models/als/fold_in_rows.hpp"
#include "models/als/training_data.hpp"
#include "models/fold_in_checks.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/models/renumber.hpp"

namespace pushcart {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

void check(const Communicator& comm, const Model& model, const Dataset& newcomers) {
  const auto refuse = [&](bool refused, const char* why) {
    if (!comm.any(refused)) return;
    throw ConfigError(
        fmt::format("--model: a model of family '{}' cannot take newcomers in: {}", model.family, why));
  };
  refuse(!model.origin_scales.empty() || model.family == "blend",
         "take them into its parts, and blend these");
  refuse(model.user_items.has_value(), "their lists are made of other users; train with them");
  refuse(model.session_profile && newcomers.cutoff_time == 0,
         "it looks at their last session, and their events have no times; ingest them with a time column");
  refuse(!model.item_factors.empty() && model.factor_origins.empty(),
         "it does not say where its factors come from; train it again");
}

/// The model's item side by the owners that newcomers' items have, and no users.
Model item_side(const Communicator& comm, const Model& model, const Dataset& trained_on,
                const Dataset& newcomers) {
  IdMap ids;
  ids.users.assign(at(trained_on.users.range(comm.rank()).size()), -1);
  ids.items = indices_of(trained_on.items.range(comm.rank()));
  ids.num_items = trained_on.num_items();
  return renumber(comm, model, ids, newcomers);
}

/// Columns [first, first + count) of a table, as a table of their own, and back.
FactorTable columns_of(const FactorTable& table, Count first, Count count) {
  FactorTable part{table.rows, count, std::vector<float>(at(table.rows.size() * count))};
  for (Count row = 0; row < table.rows.size(); ++row) {
    std::copy_n(table.row(row).begin() + first, count, part.row(row).begin());
  }
  return part;
}
void put_columns(const FactorTable& part, Count first, FactorTable& table) {
  for (Count row = 0; row < table.rows.size(); ++row) {
    std::copy_n(part.row(row).begin(), part.num_columns, table.row(row).begin() + first);
  }
}

/// One model's newcomers, origin by origin.
class FoldIn {
 public:
  FoldIn(const Communicator& comm, const Dataset& trained_on, const Dataset& newcomers,
         const FoldInConfig& config, Model& folded)
      : comm_(comm), trained_on_(trained_on), newcomers_(newcomers), config_(config), folded_(folded) {}

  void fill() {
    Count first = 0;
    for (const FactorOrigin& origin : folded_.factor_origins) {
      if (const auto* const squares = std::get_if<LeastSquaresOrigin>(&origin.kind)) {
        solve(*squares, first, origin.num_columns);
      } else if (const auto* const linear = std::get_if<LinearOrigin>(&origin.kind)) {
        add_up(*linear, first);
      } else {
        PUSHCART_CHECK(false);  // item biases are columns of blends only
      }
      first += origin.num_columns;
    }
  }

 private:
  void solve(const LeastSquaresOrigin& origin, Count first, Count k) {
    const TrainingRows rows = select_rows(comm_, newcomers_, origin.event_weights, 0, PairValue::strength);
    als::ObservedRows observed(rows.by_user(), origin.objective,
                               als::transformed_values(rows.by_user(), origin.transform));
    als::check_values(comm_, newcomers_, rows.by_user(), observed.values(), origin.objective.target);
    if (origin.objective.target == AlsTarget::ratings) remove_biases(observed);
    observed.set_weight_scale(static_cast<float>(config_.pair_weight));
    std::optional<FactorTable> expected;
    if (folded_.user_attribute_map) {
      expected =
          mapped_factors(*folded_.user_attribute_map, newcomers_.user_attributes, folded_.user_factors.rows);
    }
    const FactorTable items = columns_of(folded_.item_factors, first, k);
    const FactorTable users =
        als::fold_in_rows(comm_, {observed, newcomers_.num_users(), newcomers_.items, items},
                          origin.objective, expected ? &*expected : nullptr);
    put_columns(users, first, folded_.user_factors);
  }

  void remove_biases(als::ObservedRows& observed) {
    const double strength =
        nlohmann::json::parse(folded_.config).value("bias_regularization", AlsConfig{}.bias_regularization);
    const WorkRows rows(observed.rows());
    FactorExchange exchange(comm_, rows, newcomers_.items, {});
    const als::RatingSide side{observed.rows(), observed.values(), exchange, newcomers_.num_users()};
    folded_.user_bias = als::regularized_means(side, folded_.mean, folded_.item_bias, strength);
    observed.set_values(als::rating_residuals(side, folded_.mean, folded_.user_bias, folded_.item_bias));
  }

  /// D_j^(-2 exponent) of the owned items, by what the model learned from.
  std::vector<double> scales(const std::vector<double>& degrees, double exponent) const {
    std::vector<double> powers = linear::inverse_powers(degrees, exponent);
    for (double& power : powers) power *= power;
    return powers;
  }

  void add_up(const LinearOrigin& origin, Count first) {
    const TrainingRows learned =
        select_rows(comm_, trained_on_, origin.event_weights, 0, PairValue::strength);
    const auto sums = linear::absolute_row_sums(learned.by_item());
    const Range items = newcomers_.items.range(comm_.rank());
    const auto degrees = fetch_values<double>(comm_, trained_on_.items, sums, indices_of(items));
    const auto k = static_cast<Count>(origin.gains.size());
    FactorTable terms = columns_of(folded_.item_factors, first, k);
    for (Count c = 0; c < k; ++c) {
      if (origin.exponents[at(c)] == 0) continue;
      const auto powers = scales(degrees, origin.exponents[at(c)]);
      for (Count row = 0; row < items.size(); ++row) {
        float& term = terms.row(row)[at(c)];
        term = static_cast<float>(static_cast<double>(term) * powers[at(row)]);
      }
    }
    add_terms(origin, first, terms);
  }

  void add_terms(const LinearOrigin& origin, Count first, const FactorTable& terms) {
    const TrainingRows rows =
        select_rows(comm_, newcomers_, origin.event_weights, origin.half_life_days, PairValue::strength);
    const WorkRows work(rows.by_user());
    FactorExchange exchange(comm_, work, newcomers_.items,
                            {.row_bytes = terms.num_columns * Count{sizeof(float)}});
    exchange.start(terms.values, terms.num_columns);
    std::vector<double> sum(at(terms.num_columns));
    for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
      const GatheredRows gathered = exchange.await(batch);
      for (const RowPiece& piece : exchange.pieces(batch)) {
        std::fill(sum.begin(), sum.end(), 0.0);
        for (Count e = piece.begin; e < piece.end; ++e) {
          const float* const term = gathered[exchange.positions()[at(e)]];
          const auto value = static_cast<double>(rows.by_user().values[at(e)]);
          for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += value * static_cast<double>(term[c]);
        }
        const auto to = folded_.user_factors.row(piece.row).subspan(at(first), sum.size());
        for (std::size_t c = 0; c < sum.size(); ++c) to[c] = static_cast<float>(origin.gains[c] * sum[c]);
      }
      exchange.progress();
    }
    exchange.finish();
  }

  const Communicator& comm_;
  const Dataset& trained_on_;
  const Dataset& newcomers_;
  const FoldInConfig& config_;
  Model& folded_;
};

}  // namespace

Model fold_in(const Communicator& comm, const Model& model, const Dataset& trained_on,
              const Dataset& newcomers, PhaseLog& phases, const FoldInConfig& config) {
  check(comm, model, newcomers);
  detail::check_pair_weight(config.pair_weight);
  PUSHCART_CHECK(newcomers.num_items() == trained_on.num_items());
  const auto timer = phases.time("fold in", newcomers.by_user.num_rows());
  Model folded = item_side(comm, model, trained_on, newcomers);
  if (folded.user_attribute_map) {
    detail::tell_missing(*folded.user_attribute_map, newcomers.user_attributes, "user");
  }
  als::use_one_blas_thread();
  FoldIn(comm, trained_on, newcomers, config, folded).fill();
  folded.config = model.config;
  folded.history = model.history;
  folded.dataset_digest = newcomers.digest;
  return folded;
}

}  // namespace pushcart
