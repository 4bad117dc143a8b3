#include "pushcart/rerank/train_reranker.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/sampled_users.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/rerank/rerank_columns.hpp"
#include "pushcart/topn/filters.hpp"
#include "rerank/sampled_candidates.hpp"

namespace pushcart {

namespace {

/// A table, its way to rank 0, and what the library makes of it, for each number of it.
constexpr Count bytes_of_a_number = 20;

/// Whether a user's candidates are for validation, by the id alone.
bool is_for_validation(std::string_view user_id, double share) {
  const std::uint64_t hash = hash_text("validation of a re-ranker: " + std::string(user_id));
  return std::ldexp(static_cast<double>(hash >> 11), -53) < share;
}

/// NDCG@n of one user's candidates in descending order of `scores`; ties go to the first. Candidates that are
/// not a number are left out.
double group_ndcg(std::span<const float> scores, std::span<const float> labels, Count num_relevant, Count n) {
  std::vector<Count> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isnan(scores[i])) order.push_back(static_cast<Count>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](Count a, Count b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(n)));
  std::vector<Count> relevant;  // those that are no candidates count as items that no list has
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] > 0) relevant.push_back(static_cast<Count>(i));
  }
  for (auto missing = static_cast<Count>(labels.size()); static_cast<Count>(relevant.size()) < num_relevant;)
    relevant.push_back(missing++);
  return ranking_metrics(order, relevant, n).ndcg;
}

/// Sum over all groups.
double sum_of_ndcg(const RankingGroups& groups, std::span<const float> scores, Count n) {
  double sum = 0;
  std::size_t begin = 0;
  for (std::size_t group = 0; group < groups.num_relevant.size(); ++group) {
    const std::size_t size = groups.table.group_sizes[group];
    sum += group_ndcg(scores.subspan(begin, size), std::span(groups.table.labels).subspan(begin, size),
                      groups.num_relevant[group], n);
    begin += size;
  }
  return sum;
}

/// Minus a column, so that the least goes first.
std::vector<float> negated_column(const RankingTable& table, std::size_t column) {
  std::vector<float> values;
  for (Count row = 0; row < table.num_rows(); ++row) {
    values.push_back(-table.values[static_cast<std::size_t>(row * table.num_columns) + column]);
  }
  return values;
}

/// Candidates of this rank's sampled users, and counts of them.
class Sample {
 public:
  Sample(const Communicator& comm, std::span<const Model* const> models, const Split& validation,
         const RerankColumns& columns, const RerankConfig& config, PhaseLog& phases)
      : split_(validation), config_(config) {
    TopRequest request;
    request.users =
        detail::sampled_users(comm, validation, most_users(config, models.size(), columns.num_columns()));
    request.n = config.candidates;
    request.excluded = seen_items(validation.train, request.users, SeenPolicy{});
    candidates_ = find_candidates(comm, models, validation.train, request, phases);
    const auto timer = phases.time("columns of candidates", candidates_.pairs.num_entries());
    const std::vector<float> values = columns.table(candidates_);
    for (RankingGroups* groups : {&training, &validating}) groups->table.num_columns = columns.num_columns();
    for (std::size_t u = 0; u < candidates_.users.size(); ++u) add(u, values, columns.num_columns());
  }

  RankingGroups training, validating;
  Count num_validation = 0, num_relevant = 0, num_found = 0;
  Count num_users() const { return static_cast<Count>(candidates_.users.size()); }

 private:
  void add(std::size_t u, std::span<const float> values, Count width) {
    const Count row = candidates_.users[u] - candidates_.pairs.rows.begin;
    const auto relevant = split_.held_out.by_user.row_columns(row);
    const auto items = candidates_.pairs.row_columns(row);
    std::vector<float> labels;
    Count found = 0;
    for (const Count item : items) {
      const bool is_wanted = std::binary_search(relevant.begin(), relevant.end(), item);
      labels.push_back(is_wanted ? 1.0F : 0.0F);
      found += is_wanted ? 1 : 0;
    }
    const auto id = split_.train.user_ids[row];
    const bool validates = is_for_validation(id, config_.validation_share);
    num_validation += validates ? 1 : 0;
    num_relevant += static_cast<Count>(relevant.size());
    num_found += found;
    if (found == 0) return;  // no order of these is better than another
    const auto begin = static_cast<std::size_t>(candidates_.pairs_of(u).begin * width);
    (validates ? validating : training)
        .add(values.subspan(begin, labels.size() * static_cast<std::size_t>(width)), labels,
             static_cast<Count>(relevant.size()));
  }

  const Split& split_;
  const RerankConfig& config_;
  CandidateSet candidates_;
};

/// Collective.
SampledCandidates sampled_candidates(const Communicator& comm, std::span<const Model* const> models,
                                     const Split& validation, const RerankColumns& columns,
                                     const RerankConfig& config, PhaseLog& phases) {
  Sample mine(comm, models, validation, columns, config, phases);
  const auto timer = phases.time("gather candidates");
  return {.training = gathered(comm, std::move(mine.training)),
          .validating = gathered(comm, std::move(mine.validating)),
          .num_users = comm.sum(mine.num_users()),
          .num_validation = comm.sum(mine.num_validation),
          .num_relevant = comm.sum(mine.num_relevant),
          .num_found = comm.sum(mine.num_found)};
}

void broadcast(const Communicator& comm, TrainedBooster& trees) {
  comm.broadcast_resized(trees.bytes, 0);
  trees.num_trees = comm.broadcast(trees.num_trees, 0);
  comm.broadcast_resized(trees.validation, 0);
  comm.broadcast_resized(trees.gain_shares, 0);
}

/// Trees trained on rank 0, on all ranks; fills what the report says of it. Collective.
TrainedBooster trained(const Communicator& comm, const RankingGroups& training,
                       const RankingGroups& validating, const RerankConfig& config, std::size_t num_models,
                       RerankReport& report) {
  TrainedBooster trees;
  collectively(comm, "training the re-ranker", [&] {
    if (!comm.is_root()) return;
    if (training.num_relevant.empty() || validating.num_relevant.empty()) {
      throw InputError(fmt::format(
          "{} users to learn from and {} to validate on have a held-out item among their candidates; hold "
          "out more pairs, or give a larger --sample-users or --rerank-candidates",
          training.num_relevant.size(), validating.num_relevant.size()));
    }
    const auto mean_ndcg = [&](std::span<const float> scores) {
      return sum_of_ndcg(validating, scores, config.n) / static_cast<double>(report.num_validation);
    };
    trees = Booster::train(training.table, validating.table, config.trees, mean_ndcg);
    for (std::size_t m = 0; m < num_models; ++m)
      report.member_ndcg.push_back(mean_ndcg(negated_column(validating.table, 2 * m + 1)));
    report.ndcg = trees.validation[static_cast<std::size_t>(trees.num_trees) - 1];
    report.num_training = static_cast<Count>(training.num_relevant.size());
    report.num_rows = training.table.num_rows();
  });
  broadcast(comm, trees);
  comm.broadcast_resized(report.member_ndcg, 0);
  report.ndcg = comm.broadcast(report.ndcg, 0);
  report.num_training = comm.broadcast(report.num_training, 0);
  report.num_rows = comm.broadcast(report.num_rows, 0);
  return trees;
}

}  // namespace

void check_config(const RerankConfig& config) {
  if (config.n < 1 || config.candidates < config.n) {
    throw ConfigError("--rerank-candidates must be at least --rerank-n, which must be at least 1");
  }
  if (config.max_users < 1) throw ConfigError("--sample-users: must be at least 1");
  if (config.memory_bytes < 1) throw ConfigError("--sample-memory: must be above 0");
  if (!(config.validation_share > 0 && config.validation_share < 1)) {
    throw ConfigError("--rerank-validation-share: must be in (0, 1)");
  }
  check_config(config.trees);
}

Count most_users(const RerankConfig& config, std::size_t num_models, Count num_columns) {
  const double bytes = static_cast<double>(num_models) * static_cast<double>(config.candidates) *
                       static_cast<double>(num_columns * bytes_of_a_number);
  const double users = static_cast<double>(config.memory_bytes) / bytes;
  return std::max<Count>(1, static_cast<Count>(std::min(users, static_cast<double>(config.max_users))));
}

RerankSampleSizes sample_sizes(const Communicator& comm, std::span<const Model* const> models,
                               const Split& validation, const Features* features,
                               const RerankConfig& config) {
  RerankSampleSizes sizes;
  sizes.places = std::min(config.candidates, validation.train.num_items());
  const RerankColumns columns(comm, validation.train, families_of(models), features);
  sizes.columns = columns.num_columns();
  const SparseRows& rows = validation.train.by_user;
  for (const Count user :
       detail::sampled_users(comm, validation, most_users(config, models.size(), sizes.columns))) {
    ++sizes.users;
    sizes.pairs += rows.row_length(user - rows.rows.begin);
  }
  sizes.all_users = comm.sum(sizes.users);
  const Count candidates = sizes.users * static_cast<Count>(models.size()) * sizes.places;
  sizes.item_bytes = columns.owned_bytes() + columns.fetched_bytes(candidates, sizes.pairs) +
                     columns.served_bytes(candidates, sizes.pairs);
  return sizes;
}

void plan_reranker_training(MemoryPlan& plan, const Communicator& comm, const RerankSampleSizes& sizes,
                            Count num_models) {
  const Count numbers_of_a_user = num_models * sizes.places * sizes.columns;
  plan.add("candidates to learn from, on rank 0",
           comm.is_root() ? sizes.all_users * numbers_of_a_user * bytes_of_a_number : 0);
  plan.add("candidates of this rank's users",
           sizes.users * candidate_bytes_of_a_user(num_models, sizes.places));
  plan.add("what they are told of items", sizes.item_bytes);
  // As a table, and user by user; those of rank 0 are among all.
  plan.add("their columns", comm.is_root() ? 0 : 2 * sizes.users * numbers_of_a_user * Count{sizeof(float)});
}

Reranker train_reranker(const Communicator& comm, std::span<const Model* const> models,
                        const Split& validation, const Features* features, const RerankConfig& config,
                        RerankReport& report, PhaseLog& phases, StepCheckpoints* checkpoints) {
  check_config(config);
  Reranker reranker;
  for (const Model* model : models) reranker.members.push_back({model->family, model->digest});
  const RerankColumns columns(comm, validation.train, families_of(models), features);
  reranker.candidates = config.candidates;
  reranker.columns = columns.names();
  SampledCandidates sample;
  const auto read = [&](const FileReader& file) {
    sample = read_sampled_candidates(file, comm, columns.num_columns(), validation.train.num_items());
  };
  if (!checkpoints || checkpoints->resume(read) == 0) {
    sample = sampled_candidates(comm, models, validation, columns, config, phases);
    if (checkpoints) {
      checkpoints->between_steps(1, [&](FileWriter& file) { write_sampled_candidates(file, comm, sample); });
    }
  }
  report.num_users = sample.num_users;
  report.num_validation = sample.num_validation;
  report.found =
      static_cast<double>(sample.num_found) / static_cast<double>(std::max<Count>(1, sample.num_relevant));
  const auto timer = phases.time("train trees");
  reranker.trees = trained(comm, sample.training, sample.validating, config, models.size(), report);
  return reranker;
}

}  // namespace pushcart
