#include "pushcart/eval/evaluate.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "eval/bootstrap.hpp"
#include "eval/cold_items.hpp"
#include "eval/exposure.hpp"
#include "eval/learn_evidence.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/eval/learn_blend.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/models/item_means.hpp"
#include "pushcart/topn/pair_scores.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

namespace {

using detail::MetricOfSums;

/// Users of this rank who have something held out.
std::vector<Count> tested_users(const HeldOut& held_out) {
  std::vector<Count> users;
  for (Count row = 0; row < held_out.by_user.num_rows(); ++row) {
    if (held_out.by_user.row_length(row) > 0) users.push_back(held_out.by_user.rows.begin + row);
  }
  return users;
}

std::vector<std::uint8_t> cold_items(const Dataset& train, const EvaluateConfig& config) {
  return config.cold_items.empty() ? items_without_pairs(train) : config.cold_items;
}

/// The best n candidates for each of the users, without those that the policy hides.
/// @param allowed  by owned item; empty = all
TopRequest request_for(const Dataset& train, std::span<const Count> users, Count n, const SeenPolicy& seen,
                       const std::vector<std::uint8_t>& allowed) {
  TopRequest request;
  request.users.assign(users.begin(), users.end());
  request.n = n;
  request.excluded = seen_items(train, users, seen);
  request.item_allowed = allowed;
  return request;
}

std::span<const Count> list_of(const TopLists& lists, std::size_t row) {
  const auto begin = static_cast<std::size_t>(lists.offsets[row]);
  return std::span(lists.items).subspan(begin, static_cast<std::size_t>(lists.offsets[row + 1]) - begin);
}

/// A number for every user and every metric: what sums over users are made of.
class UserTable {
 public:
  UserTable(Count num_users, std::size_t width)
      : width_(width), values_(static_cast<std::size_t>(num_users) * width, 0.0) {}
  double& at(std::size_t user, std::size_t column) { return values_[user * width_ + column]; }
  std::span<const double> values() const { return values_; }
  std::size_t width() const { return width_; }

 private:
  std::size_t width_;
  std::vector<double> values_;
};

/// Which column holds what: a 1 for each user, the ratings' sums, then the ranking metrics of each list
/// length, for the model first and for each baseline after it.
class Columns {
 public:
  Columns(std::size_t num_lengths, std::size_t num_sides)
      : num_lengths_(num_lengths), num_sides_(num_sides) {}
  static constexpr std::size_t one = 0, num_ratings = 1;
  static constexpr std::size_t num_kinds = ranking_metric_names.size();
  std::size_t squared_error(std::size_t side) const { return 2 + 2 * side; }
  std::size_t absolute_error(std::size_t side) const { return 3 + 2 * side; }
  std::size_t ranking(std::size_t side, std::size_t length, std::size_t kind) const {
    return 6 + (side * num_lengths_ + length) * num_kinds + kind;
  }
  std::size_t width() const { return 6 + num_sides_ * num_lengths_ * num_kinds; }

 private:
  std::size_t num_lengths_, num_sides_;
};

void add_rating_errors(const Communicator& comm, const Model& model, const Dataset& train,
                       const HeldOut& held_out, std::span<const Count> users, const Columns& columns,
                       std::size_t side, UserTable& table) {
  const auto scores = pair_scores(comm, model, train, held_out.by_user);
  const SparseRows& pairs = held_out.by_user;
  for (std::size_t u = 0; u < users.size(); ++u) {
    const Count row = users[u] - pairs.rows.begin;
    const double user_bias =
        model.user_bias.empty() ? 0.0 : static_cast<double>(model.user_bias[static_cast<std::size_t>(row)]);
    for (Count e = pairs.offsets[static_cast<std::size_t>(row)];
         e < pairs.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
      const double prediction =
          model.mean + user_bias + static_cast<double>(scores[static_cast<std::size_t>(e)]);
      const double error = prediction - static_cast<double>(pairs.values[static_cast<std::size_t>(e)]);
      table.at(u, columns.squared_error(side)) += error * error;
      table.at(u, columns.absolute_error(side)) += std::abs(error);
    }
    table.at(u, Columns::num_ratings) = static_cast<double>(pairs.row_length(row));
  }
}

std::vector<Count> checked_lengths(const EvaluateConfig& config) {
  std::vector<Count> at = config.at;
  std::sort(at.begin(), at.end());
  at.erase(std::unique(at.begin(), at.end()), at.end());
  if (at.empty() || at.front() < 1)
    throw ConfigError("--at: give list lengths of at least 1, for instance --at 10,20");
  if (config.replicates < 0)
    throw ConfigError(fmt::format("--replicates {}: must not be negative", config.replicates));
  if (config.batch_users < 1)
    throw ConfigError(fmt::format("--batch-users {}: must be at least 1", config.batch_users));
  if (config.learns_min_evidence && config.replicates == 0)
    throw ConfigError("--learn-min-evidence: needs intervals; give --replicates");
  const auto& bounds = config.segment_bounds;
  const bool ascending =
      std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) == bounds.end();
  if (!ascending || (!bounds.empty() && bounds.front() < 1))
    throw ConfigError(
        "--segments: give ascending numbers of training pairs from 1, for instance --segments 5,20");
  return at;
}

/// What is measured, by position.
enum Side : std::size_t { of_model, of_baseline, of_categories };

/// What is popular in the categories of the users, if the items have them. Collective.
std::optional<CategoryPopularity> category_side(const Communicator& comm, const Dataset& train,
                                                const Model& popular, const EvaluateConfig& config) {
  if (config.category_attribute.empty() || !has_item_attribute(train, config.category_attribute))
    return std::nullopt;
  return category_popularity(comm, train, popular, config.category_attribute, {});
}

/// The evaluation of a model and its baselines, step by step; all are served the same requests.
class Evaluation {
 public:
  Evaluation(const Communicator& comm, const Model& model, const Model& baseline, const Dataset& train,
             const HeldOut& held_out, const EvaluateConfig& config, PhaseLog& phases)
      : comm_(comm),
        train_(train),
        held_out_(held_out),
        config_(config),
        phases_(phases),
        models_{&model, &baseline},
        at_(collectively(comm, "check the evaluation's settings", [&] { return checked_lengths(config); })),
        users_(tested_users(held_out)),
        categories_(category_side(comm, train, baseline, config)),
        num_sides_(categories_ ? 3 : 2),
        columns_(at_.size(), num_sides_),
        rates_(model.predicts_ratings && train.value_kind == ValueKind::rating),
        table_(static_cast<Count>(users_.size()), columns_.width()),
        exposure_(num_sides_, detail::Exposure(comm, train.items, at_)) {}

  EvaluationReport run() {
    EvaluationReport report = counted_report();
    rank_users();
    if (rates_) {
      const Model means = train_item_means(comm_, train_);
      add_rating_errors(comm_, *models_[0], train_, held_out_, users_, columns_, of_model, table_);
      add_rating_errors(comm_, means, train_, held_out_, users_, columns_, of_baseline, table_);
      report.rating_baseline_family = means.family;
    }
    auto timer = phases_.time("bootstrap", static_cast<Count>(users_.size()));
    for (std::size_t u = 0; u < users_.size(); ++u) table_.at(u, Columns::one) = 1;
    const auto sums = detail::bootstrap_sums(comm_, user_keys(), table_.values(), table_.width(),
                                             config_.replicates, config_.seed);
    for (std::size_t length = 0; length < at_.size(); ++length) {
      add_ranking(sums, length, report);
      add_catalogue(length, of_model, report.metrics);
      add_catalogue(length, of_baseline, report.baseline);
      if (categories_) add_catalogue(length, of_categories, report.category_baseline);
    }
    add_overlaps(report);
    if (rates_) add_ratings(sums, report);
    add_segments(report);
    if (config_.learns_min_evidence) report.learned = learn_evidence();
    return report;
  }

 private:
  EvaluationReport counted_report() const {
    EvaluationReport report;
    report.family = models_[0]->family;
    report.baseline_family = models_[1]->family;
    report.category_attribute = config_.category_attribute;
    report.num_users = comm_.sum(static_cast<Count>(users_.size()));
    report.num_pairs = comm_.sum(held_out_.by_user.num_entries());
    report.num_pairs_given = held_out_.num_pairs;
    report.num_unknown_users = held_out_.num_unknown_users;
    report.num_unknown_items = held_out_.num_unknown_items;
    report.num_seen = held_out_.num_seen;
    report.num_repeated = held_out_.num_repeated;
    report.replicates = config_.replicates;
    if (report.num_users == 0) {
      throw InputError(fmt::format(
          "none of the {} held-out pairs can be ranked ({} of unknown users, {} of unknown "
          "items, {} already in the training data); check that test and training data use "
          "the same ids",
          report.num_pairs_given, report.num_unknown_users, report.num_unknown_items, report.num_seen));
    }
    return report;
  }

  void rank_users() {
    const auto num_users = static_cast<Count>(users_.size());
    const Count num_batches =
        comm_.allreduce((num_users + config_.batch_users - 1) / config_.batch_users, Reduce::max);
    const std::vector<std::uint8_t> allowed =
        config_.among == Candidates::cold ? cold_items(train_, config_) : std::vector<std::uint8_t>();
    Progress progress("ranking users", static_cast<Count>(num_sides_) * num_batches);
    Count batches_done = 0;
    for (Count batch = 0; batch < num_batches; ++batch) {
      const Count begin = std::min(num_users, batch * config_.batch_users);
      const Count end = std::min(num_users, (batch + 1) * config_.batch_users);
      const TopRequest request = request_for(
          train_,
          std::span(users_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
          at_.back(), config_.seen, allowed);
      std::vector<TopLists> lists(num_sides_);
      for (std::size_t side = 0; side < num_sides_; ++side) {
        lists[side] = lists_of(side, request);
        auto timer = phases_.time("measure lists", end - begin);
        measure(lists[side], begin, side);
        exposure_[side].add(lists[side]);
        progress.advance(++batches_done);
      }
      if (is_beside_itself()) compare(lists);
    }
  }

  /// Whether the baseline is the model itself, with lists of its own.
  bool is_beside_itself() const { return config_.exact_filter != nullptr || config_.lists; }

  TopLists lists_of(std::size_t side, const TopRequest& request) {
    if (side == of_categories) return category_lists(request);
    if (side == of_model && config_.lists) return config_.lists(request);
    if (side == of_model && config_.exact_filter != nullptr) {
      return top_items(comm_, *models_[side], *config_.exact_filter, train_, request, phases_);
    }
    return top_items(comm_, *models_[side], train_, request, phases_);
  }

  /// Filled as chosen lists are.
  TopLists category_lists(const TopRequest& request) {
    const auto timer = phases_.time("lists by categories", static_cast<Count>(request.users.size()));
    TopLists lists;
    lists.rows = request.users;
    lists.offsets.assign(request.users.size() + 1, 0);
    fill_from_categories(comm_, *categories_, train_, request, lists, "category");
    fill_from_popular(comm_, *models_[of_baseline], request, lists, "popular");
    return lists;
  }

  /// How alike the lists of model and baseline are, user by user.
  void compare(const std::vector<TopLists>& lists) {
    for (std::size_t r = 0; r < lists[0].rows.size(); ++r) {
      for (const Count length : at_) {
        const auto first = [&](std::size_t side) {
          const auto list = list_of(lists[side], r);
          return list.first(std::min(list.size(), static_cast<std::size_t>(length)));
        };
        overlaps_.push_back(overlap(first(of_model), first(of_baseline)));
      }
    }
  }

  void measure(const TopLists& lists, Count first, std::size_t side) {
    for (std::size_t r = 0; r < lists.rows.size(); ++r) {
      const auto relevant = held_out_.by_user.row_columns(lists.rows[r] - held_out_.by_user.rows.begin);
      for (std::size_t length = 0; length < at_.size(); ++length) {
        const auto metrics = as_array(ranking_metrics(list_of(lists, r), relevant, at_[length]));
        for (std::size_t kind = 0; kind < metrics.size(); ++kind) {
          table_.at(static_cast<std::size_t>(first) + r, columns_.ranking(side, length, kind)) =
              metrics[kind];
        }
      }
    }
  }

  std::vector<std::uint64_t> user_keys() const {
    std::vector<std::uint64_t> keys;
    for (Count user : users_) keys.push_back(user_key(user));
    return keys;
  }

  std::uint64_t user_key(Count user) const {
    return hash_text(train_.user_ids[user - held_out_.by_user.rows.begin]);
  }

  static MetricValue metric_value(const detail::BootstrapSums& sums, const std::string& name,
                                  const MetricOfSums& metric) {
    return {name, metric(sums.point), percentile_interval(sums, metric)};
  }

  /// Adds a metric of a baseline and the difference of the model's to it.
  static void add_baseline(const detail::BootstrapSums& sums, const std::string& name,
                           const MetricOfSums& model, const MetricOfSums& baseline,
                           std::vector<MetricValue>& values, std::vector<MetricValue>& differences) {
    const MetricOfSums difference = [&](std::span<const double> s) { return model(s) - baseline(s); };
    values.push_back(metric_value(sums, name, baseline));
    differences.push_back(metric_value(sums, name, difference));
  }

  /// Adds a metric of model and baseline; `of(side)` is the metric as a function of sums.
  template <class MetricOfSide>
  static void add_pair(const detail::BootstrapSums& sums, const std::string& name, MetricOfSide of,
                       ComparedMetrics& report) {
    report.metrics.push_back(metric_value(sums, name, of(of_model)));
    add_baseline(sums, name, of(of_model), of(of_baseline), report.baseline, report.differences);
  }

  void add_ranking(const detail::BootstrapSums& sums, std::size_t length, ComparedMetrics& report) const {
    for (std::size_t kind = 0; kind < Columns::num_kinds; ++kind) {
      const auto mean = [&](std::size_t side) -> MetricOfSums {
        const std::size_t column = columns_.ranking(side, length, kind);
        return [column](std::span<const double> s) { return s[column] / s[Columns::one]; };
      };
      const std::string name = fmt::format("{}@{}", ranking_metric_names[kind], at_[length]);
      add_pair(sums, name, mean, report);
      if (!categories_) continue;
      add_baseline(sums, name, mean(of_model), mean(of_categories), report.category_baseline,
                   report.category_differences);
    }
  }

  void add_segments(EvaluationReport& report) const {
    if (config_.segment_bounds.empty()) return;
    const auto& bounds = config_.segment_bounds;
    for (std::size_t s = 0; s <= bounds.size(); ++s) {
      SegmentMetrics segment;
      segment.least_pairs = s == 0 ? 0 : bounds[s - 1];
      if (s < bounds.size()) segment.pairs_below = bounds[s];
      std::vector<std::uint64_t> keys;
      std::vector<double> table;
      for (std::size_t u = 0; u < users_.size(); ++u) {
        if (segment_of(pairs_of(users_[u]), bounds) != s) continue;
        keys.push_back(user_key(users_[u]));
        const auto row = table_.values().subspan(u * table_.width(), table_.width());
        table.insert(table.end(), row.begin(), row.end());
      }
      segment.num_users = comm_.sum(static_cast<Count>(keys.size()));
      if (segment.num_users > 0) {
        const auto sums =
            detail::bootstrap_sums(comm_, keys, table, table_.width(), config_.replicates, config_.seed);
        for (std::size_t length = 0; length < at_.size(); ++length) add_ranking(sums, length, segment);
        if (rates_) add_ratings(sums, segment);
      }
      report.segments.push_back(std::move(segment));
    }
  }

  LearnedEvidence learn_evidence() const {
    constexpr std::size_t ndcg = 2;
    static_assert(ranking_metric_names[ndcg] == "ndcg");
    const std::size_t longest = at_.size() - 1;
    std::vector<detail::EvidenceGain> gains;
    for (std::size_t u = 0; u < users_.size(); ++u) {
      const auto row = table_.values().subspan(u * table_.width(), table_.width());
      const auto value = [&](Side side) { return row[columns_.ranking(side, longest, ndcg)]; };
      const double gain = value(of_model) - value(of_baseline);
      gains.push_back({user_key(users_[u]), pairs_of(users_[u]), gain});
    }
    return detail::learn_min_evidence(comm_, gains, config_.replicates, config_.seed);
  }

  Count pairs_of(Count user) const { return train_.by_user.row_length(user - train_.by_user.rows.begin); }

  void add_overlaps(EvaluationReport& report) const {
    if (!is_beside_itself()) return;
    const std::vector<double> sums = exact_sum(comm_, overlaps_, at_.size());
    for (std::size_t length = 0; length < at_.size(); ++length) {
      report.metrics.push_back({fmt::format("overlap@{}", at_[length]),
                                sums[length] / static_cast<double>(report.num_users), std::nullopt});
    }
  }

  void add_catalogue(std::size_t length, std::size_t side, std::vector<MetricValue>& metrics) const {
    const auto values = detail::catalogue_metrics(comm_, train_, exposure_[side].counts(length));
    metrics.push_back({fmt::format("coverage@{}", at_[length]), values.coverage, std::nullopt});
    metrics.push_back({fmt::format("gini@{}", at_[length]), values.gini, std::nullopt});
    metrics.push_back({fmt::format("novelty@{}", at_[length]), values.novelty, std::nullopt});
  }

  void add_ratings(const detail::BootstrapSums& sums, ComparedMetrics& report) const {
    const auto rmse = [&](std::size_t side) -> MetricOfSums {
      const std::size_t column = columns_.squared_error(side);
      return [column](std::span<const double> s) { return std::sqrt(s[column] / s[Columns::num_ratings]); };
    };
    const auto mae = [&](std::size_t side) -> MetricOfSums {
      const std::size_t column = columns_.absolute_error(side);
      return [column](std::span<const double> s) { return s[column] / s[Columns::num_ratings]; };
    };
    add_pair(sums, "rmse", rmse, report);
    add_pair(sums, "mae", mae, report);
  }

  const Communicator& comm_;
  const Dataset& train_;
  const HeldOut& held_out_;
  const EvaluateConfig& config_;
  PhaseLog& phases_;
  std::array<const Model*, 2> models_;
  std::vector<Count> at_;
  std::vector<Count> users_;
  std::optional<CategoryPopularity> categories_;
  std::size_t num_sides_;
  Columns columns_;
  bool rates_;
  UserTable table_;
  std::vector<detail::Exposure> exposure_;  // by side
  std::vector<double> overlaps_;            // by user, by list length
};

double mean_recall(const Communicator& comm, const Model& model, const Dataset& dataset,
                   const HeldOut& held_out, Count n, const std::vector<std::uint8_t>& allowed) {
  const std::vector<Count> users = tested_users(held_out);
  PhaseLog phases;
  const TopLists lists =
      top_items(comm, model, dataset, request_for(dataset, users, n, SeenPolicy{}, allowed), phases);
  std::vector<double> recalls;
  for (std::size_t r = 0; r < users.size(); ++r) {
    const auto relevant = held_out.by_user.row_columns(users[r] - held_out.by_user.rows.begin);
    recalls.push_back(ranking_metrics(list_of(lists, r), relevant, n).recall);
  }
  return exact_sum(comm, recalls, 1)[0] / static_cast<double>(comm.sum(static_cast<Count>(users.size())));
}

}  // namespace

Candidates candidates_of(std::string_view name) {
  if (name == "all") return Candidates::all;
  if (name == "cold") return Candidates::cold;
  throw ConfigError(fmt::format("'{}' is neither all nor cold", name));
}

std::string_view candidates_name(Candidates candidates) {
  return candidates == Candidates::all ? "all" : "cold";
}

EvaluationReport evaluate(const Communicator& comm, const Model& model, const Model& baseline,
                          const Dataset& dataset, const HeldOut& held_out, const EvaluateConfig& config,
                          PhaseLog& phases) {
  if (config.among == Candidates::all) {
    return Evaluation(comm, model, baseline, dataset, held_out, config, phases).run();
  }
  Count num_warm = 0;
  const HeldOut cold =
      detail::of_cold_items(comm, dataset.items, cold_items(dataset, config), held_out, num_warm);
  if (comm.sum(cold.by_user.num_entries()) == 0) {
    throw InputError(fmt::format(
        "--among cold: all {} held-out pairs are of items that the training data know; hold out whole items "
        "(train --hold-out items)",
        num_warm));
  }
  EvaluationReport report = Evaluation(comm, model, baseline, dataset, cold, config, phases).run();
  report.among = config.among;
  report.num_warm_items = num_warm;
  return report;
}

void plan_evaluation(MemoryPlan& plan, const EvaluateConfig& config, Count users, Count items) {
  constexpr Count number = sizeof(double), entry_bytes = sizeof(Count) + sizeof(float) + 1;
  const Count batch = std::min(users, config.batch_users), threads = omp_get_max_threads();
  const Count n = config.at.empty() ? 0 : *std::max_element(config.at.begin(), config.at.end());
  const auto lengths = static_cast<Count>(config.at.size());
  const std::size_t num_sides = config.category_attribute.empty() ? 2 : 3;
  const auto width = static_cast<Count>(Columns(config.at.size(), num_sides).width());
  plan.add("metrics by user, and as the bootstrap rounds them", 2 * users * width * number);
  plan.add("replicates of the bootstrap",
           config.replicates * (width * (threads + 1) + threads * detail::bootstrap_tile_users) * number);
  const auto sides = static_cast<Count>(num_sides);
  plan.add("lists of model and baselines", sides * batch * std::min(n, items) * entry_bytes);
  plan.add("how often items are shown", sides * lengths * items * Count{sizeof(Count)});
}

double validation_metric(const Communicator& comm, const Model& model, const Dataset& dataset,
                         const HeldOut& held_out, Count n, Candidates among) {
  if (among == Candidates::cold) {
    Count num_warm = 0;
    const std::vector<std::uint8_t> cold = items_without_pairs(dataset);
    return mean_recall(comm, model, dataset,
                       detail::of_cold_items(comm, dataset.items, cold, held_out, num_warm), n, cold);
  }
  return mean_recall(comm, model, dataset, held_out, n, {});
}

}  // namespace pushcart
