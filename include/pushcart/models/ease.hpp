#pragma once

#include <map>
#include <string>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart {

/// What items beyond the head get.
enum class EaseTail : int {
  none,  ///< no weights, neither to them nor from them
  knn    ///< weights to and from them by similarity, on the scale of those of the head
};
EaseTail ease_tail_of(std::string_view name);  ///< "none" or "knn"; ConfigError
std::string_view ease_tail_name(EaseTail tail);

/// Steck 2019, "Embarrassingly shallow autoencoders for sparse data": the item weights B with a zero diagonal
/// that minimize |R - R B|^2 + lambda |B|^2. With P = (R'R + lambda I)^-1, B_ji = -P_ji / P_ii.
struct EaseConfig {
  double lambda = 300;     ///< > 0, in squares of the data's values
  Count neighbours = 200;  ///< the K entries of largest magnitude that are kept of each row of B, >= 1
  /// Only the so many most popular items are fitted. 0 = all, or with tail = knn and a memory budget as many
  /// as fit.
  Count head_items = 0;
  EaseTail tail = EaseTail::none;
  SimilarityConfig similarity{.metric = SimilarityMetric::tfidf};  ///< of the tail; its k is `neighbours`
  std::map<std::string, double> event_weights;                     ///< as in AlsConfig

  Count batch_bytes = Count{1} << 28;  ///< rows of other ranks on a rank at once
  Count memory_budget_bytes = 0;       ///< a rank's budget (--memory-per-rank); 0 = none
};

struct EaseReport {
  Count num_items = 0;          ///< rows of the matrix inverted
  double kept_share = 1;        ///< of B's squares, by the cut to K
  double inverse_residual = 0;  ///< |G (P x) - x| / |x| for a fixed x of +-1
  double inverse_seconds = 0;   ///< of the inversion on this rank, without what an earlier run has done
  double operations = 0;        ///< floating-point operations of the same
  /// tail = knn: what similarities are multiplied with, the least-squares fit of B by them over those pairs
  /// of the head that are neighbours; 1 if there are none.
  double tail_scale = 1;
  Count planned_bytes = 0;   ///< memory planned on this rank
  Count received_bytes = 0;  ///< rows and blocks of other ranks, by count; not those of the tail
  Count most_sent_entries = 0, most_received_entries = 0;  ///< of the Gram matrix, by this rank at once
};

struct EaseResult {
  Model model;
  EaseReport report;
};

/// Fits by a dense inverse in float over the ranks. The same bits for any number of ranks and threads.
/// Collective. ConfigError: settings, memory budget; InputError: values that are not finite; NumericError: an
/// inverse that float cannot find.
/// @param checkpoints  of the inversion, by blocks of pivots; nullptr = none
EaseResult train_ease(const Communicator& comm, const Dataset& train, const EaseConfig& config,
                      PhaseLog& phases, StepCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
