#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/als_objective.hpp"
#include "pushcart/models/attribute_map.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// The named parameterizations of the one objective (design, section 3b):
///
///     sum over observed (u,i) of w_ui (x_u.y_i - t_ui)^2  +  alpha0 * sum over all (u,i) of (x_u.y_i)^2
///       + lambda * ( sum_u (|S_u| + alpha0 |I|)^nu |x_u|^2  +  sum_i (|S_i| + alpha0 |U|)^nu |y_i|^2 )
enum class AlsPreset : int {
  automatic,  ///< rendle for strengths, alswr for ratings
  rendle,     ///< Rendle et al. 2022: w = t = 1, nu = 1; alpha0 0.005, lambda 0.008
  hkv,    ///< Hu, Koren, Volinsky 2008: w = alpha r, t = (1 + alpha r)/(alpha r), alpha0 = 1, nu = 0; lambda
          ///< 150
  alswr,  ///< Zhou et al. 2008: w = 1, t = rating - mean - biases, alpha0 = 0, nu = 1; lambda 0.08
  none    ///< w = 1 and `target`, alpha0 = 0.005, nu = 0, lambda 0.01 unless given
};
AlsPreset als_preset_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view als_preset_name(AlsPreset preset);

ValueTransform value_transform_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view value_transform_name(ValueTransform transform);

/// How a row's normal equations are solved (design, section 4).
enum class AlsSolver : int {
  automatic,  ///< "auto": whichever of the two takes fewer operations and bytes, by the row's length and k
  exact,      ///< Cholesky, to float accuracy
  cg          ///< conjugate gradients from the row's last solution, to cg_tolerance
};
AlsSolver als_solver_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view als_solver_name(AlsSolver solver);

/// In what form a half sweep reads (and ranks send) the rows of the fixed side. The model is float32 always.
enum class GatherPrecision : int {
  float32,
  bfloat16  ///< "bf16": half the bytes; the objective is then that of the rounded rows
};
GatherPrecision gather_precision_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view gather_precision_name(GatherPrecision precision);

/// When the maps from attributes to factors are fitted, and whether the training knows of them.
enum class AttributeFit : int {
  after,  ///< once, to the trained factors; rows are pulled to 0
  joint   ///< before each half sweep; rows are pulled to what the map says: in the objective |x_u - m(a_u)|^2
          ///< in place of |x_u|^2, and ridge times the mean of rho times the squared map
};
AttributeFit attribute_fit_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view attribute_fit_name(AttributeFit fit);

struct AlsConfig {
  AlsPreset preset = AlsPreset::automatic;
  Count k = 64;                  ///< columns of the factors, >= 1
  std::optional<double> alpha0;  ///< weight of all pairs, >= 0; absent = the preset's
  std::optional<double> lambda;  ///< regularization, >= 0; absent = the preset's
  std::optional<double> nu;      ///< exponent of the regularization's scaling, >= 0; absent = the preset's
  double alpha = 40;             ///< hkv only: confidence of strength 1, > 0
  AlsTarget target = AlsTarget::ones;  ///< preset none only
  ValueTransform transform = ValueTransform::identity;
  /// Event types that make the value, each with its weight; empty = the dataset's values as they are.
  std::map<std::string, double> event_weights;
  double bias_regularization = 5;  ///< ratings only: added to the counts when biases are fitted, >= 0
  int bias_passes = 10;            ///< ratings only: alternations of user and item biases, >= 0
  double init_stddev = 0.1;        ///< start values are normal with this over sqrt(k)
  /// Factors to start from instead, in the numbering of the training data (renumber()); rows of zeros, which
  /// are those that it does not know, have start values all the same. nullptr = start values everywhere.
  const Model* start = nullptr;
  /// Attributes are mapped to factors, and rows without interactions get what theirs say after the training.
  AttributeConfig attributes;
  AttributeFit attribute_map = AttributeFit::after;

  AlsSolver solver = AlsSolver::automatic;
  double cg_tolerance = 1e-3;  ///< cg: |residual| of the scaled system over its right side, in [1e-6, 0.5]
  GatherPrecision gather_precision = GatherPrecision::float32;

  int sweeps = 10;  ///< at most this many, >= 1
  std::uint64_t seed = 1;
  double tolerance = 0;  ///< stop when the objective falls by less than this share in a sweep; 0 = never
  int patience = 0;      ///< stop after this many sweeps without a better validation metric; 0 = never

  ExchangeMethod exchange = ExchangeMethod::automatic;  ///< how factor rows come to where they are needed
  Overlap exchange_overlap = Overlap::on;               ///< off: for measuring what overlap saves
  Count batch_bytes = Count{1} << 28;  ///< exchange by stream: fetched factor rows on a rank at once, at most
  Count memory_budget_bytes = 0;       ///< a rank's budget (--memory-per-rank); 0 = none
  Count split_length = 4096;           ///< rows with so many interactions are solved in parts, by all ranks
};

/// ConfigError, naming the option, for settings that make no sense. Local.
AlsObjective resolve_objective(const AlsConfig& config, ValueKind value_kind);

/// Seconds of one half sweep by part, on this rank.
struct HalfSweepSeconds {
  double gram = 0, eigen = 0, rotate = 0, exchange = 0, solve = 0;
};

/// What a half sweep cannot do without, on this rank: operations of the Gram product and the rotations, and
/// bytes of the rows that are gathered.
struct HalfSweepWork {
  double product_flops = 0, gathered_bytes = 0;
};

/// What a rank solved of rows that are the share of others.
struct TakenWork {
  Count rows = 0;
  double work = 0;  ///< multiply-adds by the cost model
  TakenWork& operator+=(const TakenWork& more) {
    rows += more.rows;
    work += more.work;
    return *this;
  }
  friend TakenWork operator+(TakenWork a, const TakenWork& b) { return a += b; }
};

/// The objective after a sweep (exact, the same on all ranks) and where this rank's time went.
struct SweepReport {
  int sweep = 0;  ///< from 1
  double objective = 0, observed = 0, unobserved = 0, regularization = 0;
  std::optional<double> validation;
  HalfSweepSeconds users, items;  ///< of this rank; never part of the model
  double seconds = 0;
  /// This rank's work at the rates of the report: what the sweep would take if the rest were free.
  double floor_seconds = 0;
  double gradient_steps = 0;  ///< mean over the rows that this rank solved by conjugate gradients; 0 = none
};

struct TrainingReport {
  std::vector<SweepReport> sweeps;
  int resumed_after = 0;   ///< so many of them come from a checkpoint, without times; 0 = none
  std::string stopped_by;  ///< "sweeps", "tolerance" or "validation"
  int best_sweep = 0;      ///< whose factors the model holds
  ExchangeMethod exchange = ExchangeMethod::sparse;  ///< that was used
  /// Of this rank in all sweeps: factor rows, lent rows, sums of heavy rows.
  Traffic planned_traffic, counted_traffic;
  double counted_work = 0;  ///< solving, of this rank's share in all sweeps: multiply-adds by the cost model
  TakenWork taken;          ///< by this rank from others of its node, in all sweeps
  Count planned_bytes = 0;  ///< memory planned on this rank
  /// Measured at the start on this rank's threads together, for the floor; no decision depends on them.
  double product_flops_per_second = 0, gathered_bytes_per_second = 0;
};

/// A training between two sweeps: what it needs to go on, on any number of ranks, to the same bits.
struct AlsState {
  FactorTable user_factors,
      item_factors;                 ///< of the owned rows, in the basis that the next sweep starts from
  std::vector<SweepReport> sweeps;  ///< so far, without times
  int best_sweep = 0;
  std::vector<float> best_user_factors, best_item_factors;  ///< with patience, unless the last is the best
};

/// The same, as it lies in the training.
struct AlsStateView {
  const FactorTable &user_factors, &item_factors;
  std::span<const SweepReport> sweeps;
  int best_sweep = 0;
  std::span<const float> best_user_factors, best_item_factors;
};

struct AlsCallbacks {
  /// A metric of the model as it stands, higher is better, the same on all ranks (collective). With patience,
  /// the factors of the best sweep are kept.
  std::function<double(const Model&)> validate;
  std::function<void(const SweepReport&)> after_sweep;
  /// Where to go on from, asked once memory is planned; nothing = begin anew. Collective.
  std::function<std::optional<AlsState>()> resume;
  /// Between two sweeps: to keep the state, and to stop by throwing, the same on all ranks. Collective.
  std::function<void(const AlsStateView&)> between_sweeps;
};

struct AlsResult {
  Model model;
  TrainingReport report;
};

/// Alternating least squares, every row solved in the eigenbasis of the Gram matrix (design, section 4). The
/// same bits for any number of ranks and threads. Start values depend on the seed and the item's id. Users
/// and items without interactions get zero factors, or with AlsConfig::attributes what theirs are mapped to.
/// Collective. ConfigError: settings, memory budget, unknown attributes;
/// InputError: values that the target cannot use; NumericError, naming the external id: a row that cannot be
/// solved. All on all ranks.
AlsResult train_als(const Communicator& comm, const Dataset& train, const AlsConfig& config,
                    const AlsCallbacks& callbacks, PhaseLog& phases);

}  // namespace pushcart
