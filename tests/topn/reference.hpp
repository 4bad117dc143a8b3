#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "pushcart/base/random.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/models/score.hpp"
#include "pushcart/topn/top_items.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// Value (row, column) of a table, the same on any number of ranks.
using FillCell = std::function<float(Count row, Count column)>;

inline FactorTable filled_table(Range rows, Count k, const FillCell& fill) {
  FactorTable table{rows, k, {}};
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count column = 0; column < k; ++column) table.values.push_back(fill(row, column));
  }
  return table;
}

inline FillCell normal_cells(std::uint64_t seed) {
  return [seed](Count row, Count column) {
    return static_cast<float>(
        RandomStream(seed, static_cast<std::uint64_t>(row)).normal(static_cast<std::uint64_t>(column)));
  };
}

inline Model factor_model(const Dataset& dataset, Count k, const FillCell& users, const FillCell& items) {
  const int rank = world().rank();
  Model model;
  model.family = "als";
  model.users = dataset.users;
  model.items = dataset.items;
  model.user_factors = filled_table(dataset.users.range(rank), k, users);
  model.item_factors = filled_table(dataset.items.range(rank), k, items);
  return model;
}

inline void set_bias(Model& model, const std::function<float(Count item)>& bias) {
  const Range owned = model.items.range(world().rank());
  model.item_bias.clear();
  for (Count item = owned.begin; item < owned.end; ++item) model.item_bias.push_back(bias(item));
}

/// About `per_row` weights in each row of W, some negative, some rows empty.
inline void set_weights(Model& model, double density, std::uint64_t seed) {
  SparseRows weights;
  weights.rows = model.items.range(world().rank());
  weights.num_columns = model.items.num_rows();
  for (Count row = weights.rows.begin; row < weights.rows.end; ++row) {
    RandomStream random(seed, static_cast<std::uint64_t>(row));
    for (Count column = 0; column < weights.num_columns; ++column) {
      if (row % 5 == 3 || random.next_uniform() >= density) continue;
      weights.columns.push_back(column);
      weights.values.push_back(static_cast<float>(random.next_normal()));
    }
    weights.offsets.push_back(weights.num_entries());
  }
  model.item_weights = std::move(weights);
}

inline TopRequest all_users(const Dataset& dataset, Count n) {
  TopRequest request;
  const Range owned = dataset.users.range(world().rank());
  for (Count user = owned.begin; user < owned.end; ++user) request.users.push_back(user);
  request.n = n;
  return request;
}

/// Hides what the served users have in the dataset.
inline void exclude_seen(const Dataset& dataset, TopRequest& request) {
  request.excluded = {};
  request.excluded.num_columns = dataset.num_items();
  for (Count user : request.users) {
    const auto seen = dataset.by_user.row_columns(user - dataset.by_user.rows.begin);
    request.excluded.columns.insert(request.excluded.columns.end(), seen.begin(), seen.end());
    request.excluded.offsets.push_back(request.excluded.num_entries());
  }
  request.excluded.rows = {0, static_cast<Count>(request.users.size())};
  request.excluded.values.assign(request.excluded.columns.size(), 1.0F);
}

/// The item side of a model, whole, on every rank.
struct WholeItems {
  explicit WholeItems(const Model& model)
      : bias(all_rows(world(), model.item_bias)), factors(all_rows(world(), model.item_factors.values)) {
    if (!world().any(model.item_weights.has_value())) return;
    struct Triple {
      Count row, column;
      float value;
    };
    std::vector<Triple> mine;
    const SparseRows& weights = *model.item_weights;
    for (Count row = 0; row < weights.num_rows(); ++row) {
      for (Count e = 0; e < weights.row_length(row); ++e) {
        const auto at = static_cast<std::size_t>(e);
        mine.push_back({weights.rows.begin + row, weights.row_columns(row)[at], weights.row_values(row)[at]});
      }
    }
    for (const Triple& t : all_rows(world(), mine)) weight[{t.row, t.column}] = t.value;
  }
  std::vector<float> bias, factors;
  std::map<std::pair<Count, Count>, float> weight;
};

/// Score of design section 3, term by term.
inline float plain_score(const Model& model, const Dataset& dataset, const WholeItems& items, Count user,
                         Count item) {
  double score = items.bias.empty() ? 0.0 : static_cast<double>(items.bias[static_cast<std::size_t>(item)]);
  if (!model.user_factors.empty()) {
    const auto k = static_cast<std::size_t>(model.user_factors.num_columns);
    score += factor_dot(model.user_factors.row(user - model.user_factors.rows.begin),
                        std::span<const float>(items.factors).subspan(static_cast<std::size_t>(item) * k, k));
  }
  if (items.weight.empty()) return static_cast<float>(score);
  double sum = 0;
  const Count row = user - dataset.by_user.rows.begin;
  for (std::size_t j = 0; j < dataset.by_user.row_columns(row).size(); ++j) {
    const auto found = items.weight.find({dataset.by_user.row_columns(row)[j], item});
    if (found != items.weight.end()) {
      sum += static_cast<double>(dataset.by_user.row_values(row)[j]) * static_cast<double>(found->second);
    }
  }
  return static_cast<float>(score + sum);
}

/// Sorts every allowed item of the catalogue by its score.
inline TopLists brute_force(const Model& model, const Dataset& dataset, const TopRequest& request) {
  const WholeItems items(model);
  const auto allowed = all_rows(world(), request.item_allowed);
  TopLists lists;
  for (std::size_t r = 0; r < request.users.size(); ++r) {
    std::vector<std::pair<float, Count>> scored;
    for (Count item = 0; item < dataset.num_items(); ++item) {
      if (!allowed.empty() && !allowed[static_cast<std::size_t>(item)]) continue;
      if (request.excluded.num_rows() > 0) {
        const auto excluded = request.excluded.row_columns(static_cast<Count>(r));
        if (std::find(excluded.begin(), excluded.end(), item) != excluded.end()) continue;
      }
      const float score = plain_score(model, dataset, items, request.users[r], item);
      if (score > -HUGE_VALF) scored.push_back({score, item});
    }
    std::sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    if (static_cast<Count>(scored.size()) > request.n) scored.resize(static_cast<std::size_t>(request.n));
    for (const auto& [score, item] : scored) {
      lists.items.push_back(item);
      lists.scores.push_back(score);
    }
    lists.rows.push_back(request.users[r]);
    lists.offsets.push_back(static_cast<Count>(lists.items.size()));
  }
  return lists;
}

}  // namespace pushcart::test
