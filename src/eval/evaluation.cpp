#include "eval/evaluation.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "eval/bootstrap.hpp"
#include "eval/cold_items.hpp"
#include "eval/exposure.hpp"
#include "eval/learn_evidence.hpp"
#include "eval/metric_table.hpp"
#include "eval/ranked_users.hpp"
#include "eval/rating_errors.hpp"
#include "eval/surprise.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/learn_blend.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/models/item_means.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart::detail {

namespace {

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
                                                const Model& baseline, const EvaluateConfig& config) {
  if (config.category_attribute.empty() || !has_item_attribute(train, config.category_attribute))
    return std::nullopt;
  TopRequest request;
  if (config.among == Candidates::all)
    return category_popularity(comm, train, baseline, config.category_attribute, request);
  // Ties by index would tell: indices follow the popularity in the whole log, held-out pairs included.
  request.item_allowed = cold_items(train, config);
  return category_sizes(comm, train, baseline, config.category_attribute, request);
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
        columns_(at_.size(), num_sides_, is_beside_itself() ? Overlaps::measured : Overlaps::not_measured),
        rates_(model.predicts_ratings && train.value_kind == ValueKind::rating),
        table_(static_cast<Count>(users_.size()), columns_.width()),
        surprise_(comm, train),
        exposure_(num_sides_, Exposure(comm, train.items, at_, config.segment_bounds.size() + 1)) {}

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
    const auto sums =
        bootstrap_sums(comm_, user_keys(), table_.values(), table_.width(), config_.replicates, config_.seed);
    add_metrics(sums, std::nullopt, report);
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
        surprise_.look_up(lists[side]);
        measure(lists[side], begin, side);
        exposure_[side].add(lists[side], segments_of(lists[side]));
        progress.advance(++batches_done);
      }
      if (is_beside_itself()) compare(lists, begin);
    }
  }

  /// Whether the baseline is the model itself, with lists of its own.
  bool is_beside_itself() const { return config_.exact_filter != nullptr || config_.lists; }

  TopLists lists_of(std::size_t side, const TopRequest& request) {
    if (side == of_categories) return category_lists(request);
    if (side == of_model && config_.lists) return config_.lists(request);
    if (side == of_baseline && config_.baseline_lists) return config_.baseline_lists(request);
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

  std::vector<std::size_t> segments_of(const TopLists& lists) const {
    std::vector<std::size_t> segments;
    for (const Count user : lists.rows)
      segments.push_back(segment_of(pairs_of(user), config_.segment_bounds));
    return segments;
  }

  /// How alike the lists of model and baseline are, user by user.
  void compare(const std::vector<TopLists>& lists, Count begin) {
    for (std::size_t r = 0; r < lists[0].rows.size(); ++r) {
      for (std::size_t length = 0; length < at_.size(); ++length) {
        table_.at(static_cast<std::size_t>(begin) + r, columns_.overlap(length)) =
            overlap(first_places(lists[of_model], r, length), first_places(lists[of_baseline], r, length));
      }
    }
  }

  std::span<const Count> first_places(const TopLists& lists, std::size_t r, std::size_t length) const {
    const auto list = list_of(lists, r);
    return list.first(std::min(list.size(), static_cast<std::size_t>(at_[length])));
  }

  void measure(const TopLists& lists, Count first, std::size_t side) {
    for (std::size_t r = 0; r < lists.rows.size(); ++r) {
      const auto relevant = held_out_.by_user.row_columns(lists.rows[r] - held_out_.by_user.rows.begin);
      const std::size_t user = static_cast<std::size_t>(first) + r;
      for (std::size_t length = 0; length < at_.size(); ++length) {
        const auto metrics = as_array(ranking_metrics(list_of(lists, r), relevant, at_[length]));
        for (std::size_t kind = 0; kind < metrics.size(); ++kind)
          table_.at(user, columns_.ranking(side, length, kind)) = metrics[kind];
        const auto places = first_places(lists, r, length);
        for (const Count item : places)
          table_.at(user, columns_.surprise(side, length)) += surprise_.of(item);
        table_.at(user, columns_.places(side, length)) = static_cast<double>(places.size());
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

  static MetricValue metric_value(const BootstrapSums& sums, const std::string& name,
                                  const MetricOfSums& metric) {
    return {name, metric(sums.point), percentile_interval(sums, metric)};
  }

  /// Adds a metric of a baseline and the difference of the model's to it.
  static void add_baseline(const BootstrapSums& sums, const std::string& name, const MetricOfSums& model,
                           const MetricOfSums& baseline, std::vector<MetricValue>& values,
                           std::vector<MetricValue>& differences) {
    const MetricOfSums difference = [&](std::span<const double> s) { return model(s) - baseline(s); };
    values.push_back(metric_value(sums, name, baseline));
    differences.push_back(metric_value(sums, name, difference));
  }

  /// Adds a metric of model and baseline; `of(side)` is the metric as a function of sums.
  template <class MetricOfSide>
  static void add_pair(const BootstrapSums& sums, const std::string& name, MetricOfSide of,
                       ComparedMetrics& report) {
    report.metrics.push_back(metric_value(sums, name, of(of_model)));
    add_baseline(sums, name, of(of_model), of(of_baseline), report.baseline, report.differences);
  }

  /// The same of lists, beside what is popular by category too.
  template <class MetricOfSide>
  void add_of_lists(const BootstrapSums& sums, const std::string& name, MetricOfSide of,
                    ComparedMetrics& report) const {
    add_pair(sums, name, of, report);
    if (!categories_) return;
    add_baseline(sums, name, of(of_model), of(of_categories), report.category_baseline,
                 report.category_differences);
  }

  /// All metrics of the users whose sums these are. Collective. @param segment  they are; none = all users
  void add_metrics(const BootstrapSums& sums, std::optional<std::size_t> segment,
                   ComparedMetrics& report) const {
    for (std::size_t length = 0; length < at_.size(); ++length) {
      add_ranking(sums, length, report);
      add_catalogue(length, of_model, segment, report.metrics);
      add_catalogue(length, of_baseline, segment, report.baseline);
      if (categories_) add_catalogue(length, of_categories, segment, report.category_baseline);
      add_novelty(sums, length, report);
    }
    if (is_beside_itself()) add_overlaps(sums, report);
    if (rates_) add_ratings(sums, report);
  }

  void add_ranking(const BootstrapSums& sums, std::size_t length, ComparedMetrics& report) const {
    for (std::size_t kind = 0; kind < Columns::num_kinds; ++kind) {
      const auto mean = [&](std::size_t side) -> MetricOfSums {
        const std::size_t column = columns_.ranking(side, length, kind);
        return [column](std::span<const double> s) { return s[column] / s[Columns::one]; };
      };
      add_of_lists(sums, fmt::format("{}@{}", ranking_metric_names[kind], at_[length]), mean, report);
    }
  }

  void add_novelty(const BootstrapSums& sums, std::size_t length, ComparedMetrics& report) const {
    const auto mean = [&](std::size_t side) -> MetricOfSums {
      const std::size_t surprise = columns_.surprise(side, length), places = columns_.places(side, length);
      return [=](std::span<const double> s) {
        const bool are_empty = s[Columns::one] > 0 && s[places] == 0;
        return are_empty ? 0.0 : s[surprise] / s[places];
      };
    };
    add_of_lists(sums, fmt::format("novelty@{}", at_[length]), mean, report);
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
            bootstrap_sums(comm_, keys, table, table_.width(), config_.replicates, config_.seed);
        add_metrics(sums, s, segment);
      }
      report.segments.push_back(std::move(segment));
    }
  }

  LearnedEvidence learn_evidence() const {
    constexpr std::size_t ndcg = 2;
    static_assert(ranking_metric_names[ndcg] == "ndcg");
    const std::size_t longest = at_.size() - 1;
    std::vector<EvidenceGain> gains;
    for (std::size_t u = 0; u < users_.size(); ++u) {
      const auto row = table_.values().subspan(u * table_.width(), table_.width());
      const auto value = [&](Side side) { return row[columns_.ranking(side, longest, ndcg)]; };
      const double gain = value(of_model) - value(of_baseline);
      gains.push_back({user_key(users_[u]), pairs_of(users_[u]), gain});
    }
    return learn_min_evidence(comm_, gains, config_.replicates, config_.seed);
  }

  Count pairs_of(Count user) const { return train_.by_user.row_length(user - train_.by_user.rows.begin); }

  void add_overlaps(const BootstrapSums& sums, ComparedMetrics& report) const {
    for (std::size_t length = 0; length < at_.size(); ++length) {
      const std::size_t column = columns_.overlap(length);
      const MetricOfSums mean = [column](std::span<const double> s) { return s[column] / s[Columns::one]; };
      report.metrics.push_back(metric_value(sums, fmt::format("overlap@{}", at_[length]), mean));
    }
  }

  void add_catalogue(std::size_t length, std::size_t side, std::optional<std::size_t> segment,
                     std::vector<MetricValue>& metrics) const {
    const auto values = catalogue_metrics(comm_, train_.num_items(), exposure_[side].counts(length, segment));
    metrics.push_back({fmt::format("coverage@{}", at_[length]), values.coverage, std::nullopt});
    metrics.push_back({fmt::format("gini@{}", at_[length]), values.gini, std::nullopt});
  }

  void add_ratings(const BootstrapSums& sums, ComparedMetrics& report) const {
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
  Surprise surprise_;
  std::vector<Exposure> exposure_;  // by side
};

}  // namespace

std::vector<std::uint8_t> cold_items(const Dataset& train, const EvaluateConfig& config) {
  return config.cold_items.empty() ? items_without_pairs(train) : config.cold_items;
}

EvaluationReport measure(const Communicator& comm, const Model& model, const Model& baseline,
                         const Dataset& train, const HeldOut& held_out, const EvaluateConfig& config,
                         PhaseLog& phases) {
  return Evaluation(comm, model, baseline, train, held_out, config, phases).run();
}

}  // namespace pushcart::detail
