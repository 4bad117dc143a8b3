#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "models/als/attribute_side.hpp"
#include "models/als/exchange_choice.hpp"
#include "models/als/half_sweep.hpp"
#include "models/als/machine_rates.hpp"
#include "models/als/memory.hpp"
#include "models/als/training_data.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart {
namespace als {
namespace {

/// One training: everything that lives from the first sweep to the last.
class Training {
 public:
  Training(const Communicator& comm, const Dataset& dataset, const AlsConfig& config,
           const AlsObjective& objective, PhaseLog& phases)
      : comm_(comm),
        dataset_(dataset),
        config_(config),
        objective_(objective),
        phases_(phases),
        rows_(select_rows(comm, dataset, config.event_weights, 0, PairValue::strength)),
        by_user_(rows_.by_user(), objective, transformed_values(rows_.by_user(), config.transform)),
        by_item_(rows_.by_item(), objective, transformed_values(rows_.by_item(), config.transform)) {
    check_values(comm, dataset, rows_.by_user(), by_user_.values(), objective.target);
    read_attributes();
    model_.predicts_ratings = objective_.target == AlsTarget::ratings;
    if (model_.predicts_ratings) remove_biases();
    {
      const auto timer = phases.time("als: plan exchange");
      plan_sweeps();
    }
    start_model();
  }

  AlsResult run(const AlsCallbacks& callbacks) {
    measure();
    if (callbacks.resume) take_up(callbacks.resume());
    Progress progress("training", Count{2} * config_.sweeps);
    for (int sweep = report_.resumed_after + 1; sweep <= config_.sweeps && report_.stopped_by.empty();
         ++sweep) {
      SweepReport now = take_sweep(sweep, progress);
      decide(now, callbacks);
      log_sweep(now);
      report_.sweeps.push_back(now);
      if (callbacks.after_sweep) callbacks.after_sweep(now);
      const bool goes_on = sweep < config_.sweeps && report_.stopped_by.empty();
      if (goes_on && callbacks.between_sweeps) callbacks.between_sweeps(state());
    }
    if (report_.stopped_by.empty()) report_.stopped_by = "sweeps";
    take_back_best();
    map_attributes();
    for (const HalfSweep* side : {&*user_sweep_, &*item_sweep_}) {
      report_.planned_traffic = report_.planned_traffic + side->planned_traffic();
      report_.counted_traffic = report_.counted_traffic + side->counted_traffic();
      report_.counted_work += side->counted_work();
      report_.taken += side->taken_work();
    }
    model_.history = history_text();
    return {std::move(model_), std::move(report_)};
  }

 private:
  /// Who solves what, how rows travel, and whether memory suffices: before anything large is allocated.
  void plan_sweeps() {
    HalfSweepSettings settings = training_settings(config_);
    const auto share = [&](HeavyBlocks blocks) {
      return std::pair{share_half_sweep(comm_, by_user_, dataset_.items, settings, blocks),
                       share_half_sweep(comm_, by_item_, dataset_.users, settings, blocks)};
    };
    auto shares = share(config_.exchange == ExchangeMethod::stream ? HeavyBlocks::at_column_owner
                                                                   : HeavyBlocks::anywhere);
    const Count row_bytes = stored_width(config_.gather_precision, config_.k) * Count{sizeof(float)};
    MappedValues mapped;
    if (user_attributes_) mapped.users = user_attributes_->num_values();
    if (item_attributes_) mapped.items = item_attributes_->num_values();
    const auto choose = [&](const AlsConfig& config) {
      MemoryPlan plan =
          plan_memory(sizes_of(dataset_, settings, comm_.rank(), shares.first, shares.second, mapped),
                      config_, objective_);
      const ExchangeChoice choice =
          choose_exchange(comm_, {shares.first.rows, dataset_.items}, {shares.second.rows, dataset_.users},
                          config, row_bytes, plan.total_bytes());
      return std::pair{std::move(plan), choice};
    };
    auto [plan, choice] = choose(config_);
    if (choice.settings.method == ExchangeMethod::stream && config_.exchange != ExchangeMethod::stream) {
      // Heavy rows must do without rows that no batch brings.
      shares = share(HeavyBlocks::at_column_owner);
      AlsConfig streaming = config_;
      streaming.exchange = ExchangeMethod::stream;
      std::tie(plan, choice) = choose(streaming);
    }
    if (choice.settings.method == ExchangeMethod::replicate) {
      plan.add("rows shared with the node", plan_sharing(settings, shares, choice, plan.total_bytes()));
    }
    plan.add("rows of other ranks", choice.memory_bytes);
    announce_memory(comm_, "train als", plan, config_.memory_budget_bytes);
    report_.planned_bytes = plan.total_bytes();
    report_.exchange = choice.settings.method;
    user_sweep_.emplace(comm_, by_user_, dataset_.num_users(), dataset_.items, objective_, settings,
                        std::move(shares.first), choice.settings);
    item_sweep_.emplace(comm_, by_item_, dataset_.num_items(), dataset_.users, objective_, settings,
                        std::move(shares.second), choice.settings);
  }

  /// Lets ranks share rows with their node if there is memory for them on all. @return bytes of this rank's
  Count plan_sharing(HalfSweepSettings& settings, const std::pair<WorkShares, WorkShares>& shares,
                     const ExchangeChoice& choice, Count other_bytes) const {
    const Communicator node = comm_.split_by_node();
    SharingTask task;
    task.rank_bytes = node.size() > 1 ? shared_rows_bytes(shares.first, shares.second, settings) : 0;
    task.node_bytes = node.sum(task.rank_bytes);
    task.table_bytes = std::max(dataset_.num_users(), dataset_.num_items()) * choice.settings.row_bytes;
    task.other_bytes = other_bytes + choice.memory_bytes;
    if (comm_.all(has_room_to_share(task, config_.memory_budget_bytes, free_shared_bytes())))
      return task.rank_bytes;
    settings.sharing.part = 0;
    return 0;
  }

  void start_model() {
    model_.family = "als";
    model_.users = dataset_.users;
    model_.items = dataset_.items;
    model_.dataset_digest = dataset_.digest;
    model_.config = settings_text(config_, objective_);
    model_.factor_origins = {
        {config_.k, LeastSquaresOrigin{objective_, config_.transform, config_.event_weights}}};
    collectively(comm_, "making room for the factors", [&] {
      for (auto [table, rows] : {std::pair{&model_.user_factors, dataset_.users.range(comm_.rank())},
                                 std::pair{&model_.item_factors, dataset_.items.range(comm_.rank())}}) {
        table->rows = rows;
        table->num_columns = config_.k;
        table->values.assign(static_cast<std::size_t>(rows.size() * config_.k), 0.0F);
      }
      start_factors(model_.item_factors, dataset_.item_ids, config_.seed, config_.init_stddev);
      if (config_.start == nullptr) return;
      start_from(config_.start->item_factors, model_.item_factors);
      start_from(config_.start->user_factors, model_.user_factors);
    });
  }

  void measure() {
    const auto timer = phases_.time("als: measure rates");
    const MachineRates rates =
        measure_rates(model_.item_factors, dataset_.num_items(), config_.gather_precision);
    report_.product_flops_per_second = rates.flops;
    report_.gathered_bytes_per_second = rates.bytes_per_second;
  }

  double floor_seconds() const {
    const HalfSweepWork users = user_sweep_->work(), items = item_sweep_->work();
    if (report_.product_flops_per_second == 0) return 0;
    return (users.product_flops + items.product_flops) / report_.product_flops_per_second +
           (users.gathered_bytes + items.gathered_bytes) / report_.gathered_bytes_per_second;
  }

  void remove_biases() {
    const auto timer = phases_.time("als: biases");
    const WorkRows user_rows(rows_.by_user()), item_rows(rows_.by_item());
    FactorExchange user_exchange(comm_, user_rows, dataset_.items, {}),
        item_exchange(comm_, item_rows, dataset_.users, {});
    const RatingSide user_side{rows_.by_user(), by_user_.values(), user_exchange, dataset_.num_users()};
    const RatingSide item_side{rows_.by_item(), by_item_.values(), item_exchange, dataset_.num_items()};
    Biases biases = fit_biases(comm_, user_side, item_side, config_.bias_regularization, config_.bias_passes);
    auto user_residuals = rating_residuals(user_side, biases.mean, biases.users, biases.items);
    by_item_.set_values(rating_residuals(item_side, biases.mean, biases.items, biases.users));
    by_user_.set_values(std::move(user_residuals));
    model_.mean = biases.mean;
    model_.user_bias = std::move(biases.users);
    model_.item_bias = std::move(biases.items);
  }

  /// A half sweep. @param penalty  set to the side's regularization where its map is learned jointly
  HalfSweepOutcome solve_side(HalfSweep& sweep, std::optional<AttributeSide>& attributes, FactorTable& fixed,
                              FactorTable& solved, Loss loss, std::optional<double>& penalty) const {
    if (!attributes || config_.attribute_map == AttributeFit::after) return sweep.run(fixed, solved, loss);
    FactorTable means = attributes->means(solved, sweep);
    const HalfSweepOutcome outcome = sweep.run(fixed, solved, loss, &means);
    penalty = attributes->penalty(solved, means, sweep);
    return outcome;
  }

  SweepReport take_sweep(int sweep, Progress& progress) {
    const auto start = std::chrono::steady_clock::now();
    SweepReport now;
    now.sweep = sweep;
    now.floor_seconds = floor_seconds();
    const Count rows_before = user_sweep_->num_gradient_rows() + item_sweep_->num_gradient_rows();
    const Count steps_before = user_sweep_->num_gradient_steps() + item_sweep_->num_gradient_steps();
    std::optional<double> user_penalty, item_penalty;
    {
      const auto timer = phases_.time("als: users", dataset_.by_user.num_rows());
      const auto outcome = solve_side(*user_sweep_, user_attributes_, model_.item_factors,
                                      model_.user_factors, Loss::skip, user_penalty);
      check_solved(outcome, sweep, "user", dataset_.users, dataset_.user_ids);
      now.users = outcome.seconds;
    }
    progress.advance(2 * sweep - 1);
    const auto timer = phases_.time("als: items", dataset_.by_item.num_rows());
    const auto outcome = solve_side(*item_sweep_, item_attributes_, model_.user_factors, model_.item_factors,
                                    Loss::measure, item_penalty);
    check_solved(outcome, sweep, "item", dataset_.items, dataset_.item_ids);
    now.items = outcome.seconds;
    progress.advance(2 * sweep);
    now.observed = outcome.observed;
    now.unobserved = outcome.unobserved;
    if (!user_penalty)
      user_penalty =
          weighted_norms(comm_, *user_sweep_, rows_.by_user(), model_.user_factors, dataset_.num_users());
    if (!item_penalty)
      item_penalty =
          weighted_norms(comm_, *item_sweep_, rows_.by_item(), model_.item_factors, dataset_.num_items());
    now.regularization = *user_penalty + *item_penalty;
    const Count rows = user_sweep_->num_gradient_rows() + item_sweep_->num_gradient_rows() - rows_before;
    const Count steps = user_sweep_->num_gradient_steps() + item_sweep_->num_gradient_steps() - steps_before;
    if (rows > 0) now.gradient_steps = static_cast<double>(steps) / static_cast<double>(rows);
    now.objective = now.observed + now.unobserved + now.regularization;
    now.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return now;
  }

  void check_solved(const HalfSweepOutcome& outcome, int sweep, const char* what, const Partition& partition,
                    const StringTable& ids) const {
    if (outcome.num_unsolved == 0) return;
    const int owner = partition.owner(outcome.first_unsolved);
    std::string id;
    if (comm_.rank() == owner) id = ids[outcome.first_unsolved - partition.range(owner).begin];
    id = comm_.broadcast_text(std::move(id), owner);
    throw NumericError(
        fmt::format("sweep {}: {} of the {}s could not be solved, the first of them {} '{}': its values "
                    "are too large, or --lambda is too small for them",
                    sweep, outcome.num_unsolved, what, what, id));
  }

  void decide(SweepReport& now, const AlsCallbacks& callbacks) {
    if (!report_.sweeps.empty() && config_.tolerance > 0) {
      const double before = report_.sweeps.back().objective;
      if (before - now.objective < config_.tolerance * std::abs(before)) report_.stopped_by = "tolerance";
    }
    if (callbacks.validate) now.validation = callbacks.validate(model_);
    const bool keeps_best = now.validation && config_.patience > 0;
    if (!keeps_best) {
      report_.best_sweep = now.sweep;
    } else if (!best_ || *now.validation > best_->validation) {
      best_ = Best{*now.validation, model_.user_factors.values, model_.item_factors.values};
      report_.best_sweep = now.sweep;
    } else if (now.sweep - report_.best_sweep >= config_.patience) {
      report_.stopped_by = "validation";
    }
  }

  AlsStateView state() const {
    AlsStateView view{model_.user_factors, model_.item_factors, report_.sweeps, report_.best_sweep, {}, {}};
    if (best_ && report_.best_sweep != report_.sweeps.back().sweep) {
      view.best_user_factors = best_->user_factors;
      view.best_item_factors = best_->item_factors;
    }
    return view;
  }

  /// The state is one that state() has shown, perhaps on other ranks.
  void take_up(std::optional<AlsState> state) {
    if (!state) return;
    const auto num_sweeps = static_cast<int>(state->sweeps.size());
    PUSHCART_CHECK(num_sweeps >= 1 && num_sweeps < config_.sweeps);
    PUSHCART_CHECK(state->best_sweep >= 1 && state->best_sweep <= num_sweeps);
    for (const auto& [mine, theirs] : {std::pair{&model_.user_factors, &state->user_factors},
                                       std::pair{&model_.item_factors, &state->item_factors}}) {
      PUSHCART_CHECK(theirs->num_columns == mine->num_columns &&
                     theirs->values.size() == mine->values.size());
      mine->values = std::move(theirs->values);
    }
    report_.sweeps = std::move(state->sweeps);
    report_.resumed_after = num_sweeps;
    report_.best_sweep = state->best_sweep;
    const auto& best = report_.sweeps[static_cast<std::size_t>(state->best_sweep - 1)];
    if (config_.patience == 0 || !best.validation) return;
    if (state->best_sweep == num_sweeps) {
      best_ = Best{*best.validation, model_.user_factors.values, model_.item_factors.values};
    } else {
      best_ =
          Best{*best.validation, std::move(state->best_user_factors), std::move(state->best_item_factors)};
    }
  }

  void take_back_best() {
    if (!best_) return;
    model_.user_factors.values = std::move(best_->user_factors);
    model_.item_factors.values = std::move(best_->item_factors);
  }

  void map_attributes() {
    if (!user_attributes_ && !item_attributes_) return;
    const auto timer =
        phases_.time("als: attributes", dataset_.by_user.num_rows() + dataset_.by_item.num_rows());
    if (user_attributes_) model_.user_attribute_map = user_attributes_->finish(model_.user_factors);
    if (item_attributes_) model_.item_attribute_map = item_attributes_->finish(model_.item_factors);
  }

  /// What would be found wrong after all sweeps is found here.
  void read_attributes() {
    const AttributeConfig& wanted = config_.attributes;
    check_attributes(wanted);
    if (!wanted.users.empty()) {
      user_attributes_.emplace(comm_, dataset_.user_attributes, wanted.users, wanted, "--user-attributes",
                               rows_.by_user(), dataset_.num_users());
    }
    if (!wanted.items.empty()) {
      item_attributes_.emplace(comm_, dataset_.item_attributes, wanted.items, wanted, "--item-attributes",
                               rows_.by_item(), dataset_.num_items());
    }
  }

  void log_sweep(const SweepReport& now) const {
    std::string validation = now.validation ? fmt::format(", validation {:.5f}", *now.validation) : "";
    log_info(
        "sweep {}: objective {:.8g} (observed {:.6g}, all pairs {:.6g}, regularization {:.6g}){}, {:.2f} s",
        now.sweep, now.objective, now.observed, now.unobserved, now.regularization, validation, now.seconds);
    const HalfSweepSeconds &u = now.users, &i = now.items;
    log_info(
        "sweep {}: Gram {:.3f} s, eigen {:.3f}, rotation {:.3f}, exchange {:.3f}, solve {:.3f}{}{}",
        now.sweep, u.gram + i.gram, u.eigen + i.eigen, u.rotate + i.rotate, u.exchange + i.exchange,
        u.solve + i.solve,
        now.gradient_steps > 0 ? fmt::format(" ({:.1f} steps a row)", now.gradient_steps) : "",
        now.floor_seconds > 0
            ? fmt::format("; {:.2f} times the floor of {:.3f} s ({:.0f} Gflop/s, {:.1f} GB/s gathered)",
                          now.seconds / now.floor_seconds, now.floor_seconds,
                          report_.product_flops_per_second * 1e-9, report_.gathered_bytes_per_second * 1e-9)
            : "");
  }

  std::string history_text() const {
    nlohmann::json history = nlohmann::json::array();
    for (const SweepReport& sweep : report_.sweeps) {
      nlohmann::json entry = {{"sweep", sweep.sweep},
                              {"objective", sweep.objective},
                              {"observed", sweep.observed},
                              {"unobserved", sweep.unobserved},
                              {"regularization", sweep.regularization}};
      if (sweep.validation) entry["validation"] = *sweep.validation;
      history.push_back(std::move(entry));
    }
    return history.dump();
  }

  struct Best {
    double validation = 0;
    std::vector<float> user_factors, item_factors;
  };

  const Communicator& comm_;
  const Dataset& dataset_;
  const AlsConfig& config_;
  const AlsObjective objective_;
  PhaseLog& phases_;
  TrainingRows rows_;
  ObservedRows by_user_, by_item_;
  std::optional<HalfSweep> user_sweep_, item_sweep_;
  std::optional<AttributeSide> user_attributes_, item_attributes_;
  Model model_;
  TrainingReport report_;
  std::optional<Best> best_;
};

}  // namespace
}  // namespace als

AlsResult train_als(const Communicator& comm, const Dataset& train, const AlsConfig& config,
                    const AlsCallbacks& callbacks, PhaseLog& phases) {
  const AlsObjective objective = resolve_objective(config, train.value_kind);
  if (config.start != nullptr && config.start->item_factors.num_columns != config.k) {
    throw ConfigError(fmt::format("--warm-start: its factors have {} columns, and --k is {}",
                                  config.start->item_factors.num_columns, config.k));
  }
  als::use_one_blas_thread();
  return als::Training(comm, train, config, objective, phases).run(callbacks);
}

}  // namespace pushcart
