#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/eval/held_out.hpp"
#include "pushcart/models/exact_filter.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/topn/filters.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

/// Which items are ranked.
enum class Candidates : int {
  all,  ///< of the catalogue
  cold  ///< those without any pair in the training data, among themselves; held-out pairs of others do not
        ///< count
};
Candidates candidates_of(std::string_view name);  ///< all | cold; ConfigError otherwise
std::string_view candidates_name(Candidates candidates);

struct EvaluateConfig {
  std::vector<Count> at{20};           ///< list lengths N (--at), each at least 1
  Count replicates = 1000;             ///< bootstrap replicates (--replicates); 0 = no intervals
  std::uint64_t seed = 1;              ///< of the bootstrap
  SeenPolicy seen;                     ///< items of the training data that are left out of the lists (--seen)
  Candidates among = Candidates::all;  ///< --among
  /// By owned item: 1 = ranked among cold ones; empty = those without any pair in the training data.
  std::vector<std::uint8_t> cold_items;
  Count batch_users = 1 << 16;  ///< users a rank ranks at a time: bounds memory, changes no result
  const ExactFilter* exact_filter = nullptr;  ///< in place of the model's item weights (--exact-filter)
  ListSearch lists;  ///< what makes the lists in place of the model alone (ListChooser); empty = nothing
  ListSearch baseline_lists;  ///< likewise those of the baseline, beside `lists`
  /// Users with fewer training pairs than the first bound are a segment (new), then those below the second
  /// (light) and so on (--segments); ascending. Each segment is reported by itself; empty = none is.
  std::vector<Count> segment_bounds;
  /// Whether to find from how many pairs on the baseline, which is the model or config.baseline_lists, is
  /// better than config.lists, which must be of what serves users in its place (--learn-min-evidence).
  bool learns_min_evidence = false;
  /// Item attribute: what is popular in the users' own categories (fill_from_categories, then popular) is
  /// measured beside the baseline, which must be the popular model; among cold items, which are all alike to
  /// popularity, their categories' shares alone, beside random_order. Empty = it is not.
  std::string category_attribute;
};

/// Central 95 % of the bootstrap replicates.
struct ConfidenceInterval {
  double low = 0;
  double high = 0;
};

/// From how many training pairs on users are served by the model.
struct LearnedEvidence {
  Count min_evidence = 1;
  double gain = 0;  ///< in NDCG at the longest length, mean over all users, over min_evidence = 1
  ConfidenceInterval interval;
  std::string model;                   ///< family of the model, or "rerank"; set by who knows the lists
  std::vector<std::string> filled_by;  ///< what serves the others, in this order: labels of sources; likewise
  /// The same of each further model that fills lists, in their order, over what fills them after it;
  /// likewise.
  std::vector<Count> fallbacks;
};
/// {"learned":, "model":, "filled_by": [...], "fallbacks": [...] if there are any, "gain": {"value":, "low":,
/// "high":}}, and back; a Json exception if it is not that. Local.
nlohmann::ordered_json to_json(const LearnedEvidence& learned);
LearnedEvidence learned_evidence_from(const nlohmann::ordered_json& json);
std::string to_text(const LearnedEvidence& learned);  ///< a line for people

struct MetricValue {
  std::string name;  ///< "recall@20", "rmse" ...
  double value = 0;
  std::optional<ConfidenceInterval>
      interval;  ///< none for coverage and Gini, which are of all lists together
};

/// Metrics of a model and of its baselines over the same users.
struct ComparedMetrics {
  std::vector<MetricValue> metrics;
  std::vector<MetricValue> baseline;
  std::vector<MetricValue>
      differences;  ///< model minus baseline, paired by user, of all metrics with intervals
  std::vector<MetricValue> category_baseline;     ///< of the lists; empty without category_attribute
  std::vector<MetricValue> category_differences;  ///< model minus category_baseline, likewise
  Count num_users = 0;  ///< users with at least one held-out item that can be ranked
};

/// Those of the users with a number of training pairs in [least_pairs, pairs_below), coverage and Gini those
/// of their lists; no metrics if there are no such users.
struct SegmentMetrics : ComparedMetrics {
  Count least_pairs = 0;
  std::optional<Count> pairs_below;  ///< none for the last segment
};

/// What evaluate found. Metrics of the lists, by their keys:
///  - recall@N, precision@N, ndcg@N, map@N, mrr@N, hit_rate@N: means over `num_users` users (RankingMetrics);
///  - coverage@N: items that are in the first N places of at least one list, over all items of the catalogue;
///  - gini@N: Gini coefficient of how often each item of the catalogue is in the first N places, items never
///    shown included; 0 = all alike, towards 1 = one item has all places;
///  - novelty@N: mean over all places filled of -log2(users who have the item in training, at least 1, over
///    all users), in bits;
///  - overlap@N (with an exact filter or config.lists): mean share of the first N places with items of the
///    baseline's first N;
///  - rmse, mae (ratings): over the held-out pairs, prediction = mean + user bias + score, not clamped;
///  popularity
///    predicts no rating, so the items' mean ratings are the baseline.
struct EvaluationReport : ComparedMetrics {
  std::string family;
  std::string baseline_family;
  std::string category_attribute;          ///< as configured; category_baseline is empty if items have none
  std::string rating_baseline_family;      ///< beside which rmse and mae stand; empty without ratings
  std::optional<LearnedEvidence> learned;  ///< with learns_min_evidence
  std::vector<SegmentMetrics> segments;    ///< by ascending number of training pairs (--segments)
  Count num_pairs = 0;                     ///< held-out items of the users
  Count num_pairs_given = 0, num_unknown_users = 0, num_unknown_items = 0, num_seen = 0, num_repeated = 0;
  Candidates among = Candidates::all;
  Count num_warm_items = 0;  ///< held-out pairs whose item is known from training, with Candidates::cold
  Count replicates = 0;

  const MetricValue* find(const std::string& name) const;  ///< of the model; nullptr if there is none

  /// {"recall@20": {"value":, "low":, "high":}, ..., "baseline": {same keys}, "difference": {...},
  /// "category_baseline": {...}, "category_difference": {...}, "users":, "pairs":, "left_out": {...}};
  /// coverage and Gini have a value only; not a number = null.
  nlohmann::ordered_json to_json() const;
  /// A table for people, the baselines beside the model.
  std::string to_text() const;
};

/// Ranks all items of the catalogue (or config.among), those left out that config.seen hides (by default all
/// of the user's training data), for every user with held-out items, by the model, by the baseline (the
/// popular model; with an exact filter or config.lists the model without it) and by what is popular in the
/// user's categories (config.category_attribute), and compares with what was held
/// out. Intervals: Poisson bootstrap over users (Chamandy et al., Estimating uncertainty for massive data
/// streams, 2012), the weights a function of seed and external user id. The same bits for any number of ranks
/// and any batch. Collective.
/// @throws ConfigError for --at, --replicates or --segments out of range, InputError if no held-out pair can
/// be ranked
EvaluationReport evaluate(const Communicator& comm, const Model& model, const Model& baseline,
                          const Dataset& dataset, const HeldOut& held_out, const EvaluateConfig& config,
                          PhaseLog& phases);

/// What evaluate() holds on this rank beside models, data, what was held out and the search for lists. Local.
/// @param users, items  owned  @param all_items  of all ranks
void plan_evaluation(MemoryPlan& plan, const EvaluateConfig& config, Count users, Count items,
                     Count all_items);

/// Recall@n of the model alone, for stopping a training early. Collective.
double validation_metric(const Communicator& comm, const Model& model, const Dataset& dataset,
                         const HeldOut& held_out, Count n, Candidates among = Candidates::all);

}  // namespace pushcart
