#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// The interactions a model learns from: the dataset's own, or a copy with values made of some event types.
class TrainingRows {
 public:
  explicit TrainingRows(const Dataset& dataset) : dataset_(&dataset) {}
  TrainingRows(SparseRows by_user, SparseRows by_item)
      : own_by_user_(std::move(by_user)), own_by_item_(std::move(by_item)) {}
  const SparseRows& by_user() const { return dataset_ ? dataset_->by_user : own_by_user_; }
  const SparseRows& by_item() const { return dataset_ ? dataset_->by_item : own_by_item_; }

 private:
  const Dataset* dataset_ = nullptr;
  SparseRows own_by_user_, own_by_item_;
};

/// One event type with its weight, or all of them: per entry of by_user.
struct WeightedColumn {
  double weight;
  std::span<const float> strength;
  std::span<const std::int64_t> last_time;
};

/// The types that the weights name; without weights one column, of the dataset's values. ConfigError: unknown
/// type, weight that is no number of at least 0. Local.
std::vector<WeightedColumn> weighted_columns(const Dataset& dataset,
                                             const std::map<std::string, double>& event_weights);

/// What the value of a pair is.
enum class PairValue : int {
  strength,  ///< decayed and weighted strengths
  recency    ///< 2^(-age/half-life) of the latest event alone: how much a user of an item still counts
};

/// The events of a type that --event-weight names. ConfigError for a type that the dataset does not have
/// (with the nearest it has), and for a weight below 0. Local.
const EventColumn& weighted_column(const Dataset& dataset, const std::string& type, double weight);

/// PairValue::strength: value = sum over the types of weight * strength * 2^(-age/half-life); pairs whose
/// value is not above 0 are left out. PairValue::recency: the pairs that this leaves, each with its recency.
/// Without weights the dataset's values stand for all types; half_life_days 0 = no decay. Collective.
/// ConfigError: unknown type, weight that is no number, half-life without times.
TrainingRows select_rows(const Communicator& comm, const Dataset& dataset,
                         const std::map<std::string, double>& event_weights, double half_life_days,
                         PairValue pair_value);

}  // namespace pushcart
