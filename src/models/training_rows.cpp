#include "models/training_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/days.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {
namespace {

const EventColumn& find_column(const Dataset& dataset, const std::string& type) {
  std::vector<std::string> known;
  for (const EventColumn& column : dataset.events) {
    if (column.type == type) return column;
    known.push_back(column.type);
  }
  throw ConfigError(
      fmt::format("--event-weight: the dataset has no event type '{}'; did you mean '{}'? (known: {})", type,
                  nearest_word(type, known), fmt::join(known, ", ")));
}

}  // namespace

std::vector<WeightedColumn> weighted_columns(const Dataset& dataset,
                                             const std::map<std::string, double>& event_weights) {
  if (event_weights.empty()) return {{1.0, dataset.by_user.values, dataset.last_time}};
  std::vector<WeightedColumn> columns;
  for (const auto& [type, weight] : event_weights) {
    const EventColumn& column = weighted_column(dataset, type, weight);
    columns.push_back({weight, column.strength, column.last_time});
  }
  return columns;
}

namespace {

double decay(std::int64_t cutoff_time, std::int64_t last_time, double half_life_days) {
  return std::exp2(-static_cast<double>(cutoff_time - last_time) / (day_seconds * half_life_days));
}

}  // namespace

const EventColumn& weighted_column(const Dataset& dataset, const std::string& type, double weight) {
  if (!std::isfinite(weight) || weight < 0) {
    throw ConfigError(fmt::format("--event-weight: {}={} must be a number >= 0", type, weight));
  }
  return find_column(dataset, type);
}

TrainingRows select_rows(const Communicator& comm, const Dataset& dataset,
                         const std::map<std::string, double>& event_weights, double half_life_days,
                         PairValue pair_value) {
  if (!(half_life_days >= 0) || std::isinf(half_life_days)) {
    throw ConfigError("the half-life of interactions must be a number of days >= 0 (0 = no decay)");
  }
  if (half_life_days > 0 && dataset.cutoff_time == 0) {
    throw ConfigError("a half-life of interactions needs times, and the dataset has none; ingest it with a time column");
  }
  if (event_weights.empty() && half_life_days == 0) return TrainingRows(dataset);

  const auto columns = weighted_columns(dataset, event_weights);
  const SparseRows& rows = dataset.by_user;
  SparseRows selected;
  selected.rows = rows.rows;
  selected.num_columns = rows.num_columns;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    for (std::size_t entry = begin; entry < begin + static_cast<std::size_t>(rows.row_length(row)); ++entry) {
      double value = 0, latest = 0;
      for (const WeightedColumn& column : columns) {
        const double weight =
            half_life_days > 0 ? decay(dataset.cutoff_time, column.last_time[entry], half_life_days) : 1.0;
        const double part = column.weight * weight * static_cast<double>(column.strength[entry]);
        value += part;
        if (part > 0) latest = std::max(latest, weight);
      }
      if (!(static_cast<float>(value) > 0)) continue;
      selected.columns.push_back(rows.columns[entry]);
      selected.values.push_back(static_cast<float>(pair_value == PairValue::recency ? latest : value));
    }
    selected.offsets.push_back(static_cast<Count>(selected.columns.size()));
  }
  if (comm.sum(selected.num_entries()) == 0) {
    throw ConfigError("--event-weight: these types and weights leave no interaction to learn from");
  }
  SparseRows by_item = transpose(comm, selected, dataset.items, dataset.num_users());
  return TrainingRows(std::move(selected), std::move(by_item));
}

}  // namespace pushcart
