#include "pushcart/eval/learn_blend.hpp"

#include <algorithm>

#include "eval/sampled_users.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/eval/ranking_metrics.hpp"
#include "pushcart/topn/candidates.hpp"
#include "pushcart/topn/filters.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

namespace {

/// The best n items that the users have not seen.
TopRequest unseen_request(const Dataset& dataset, std::vector<Count> users, Count n) {
  TopRequest request;
  request.users = std::move(users);
  request.n = n;
  request.excluded = seen_items(dataset, request.users, SeenPolicy{});
  return request;
}

std::vector<Count> owned_users(const Communicator& comm, const Dataset& dataset) {
  const Range range = dataset.users.range(comm.rank());
  std::vector<Count> users;
  for (Count user = range.begin; user < range.end; ++user) users.push_back(user);
  return users;
}

/// Candidates of the sampled users, and each model's scores of them.
class CandidateScores {
 public:
  CandidateScores(const Communicator& comm, std::span<const Model* const> models, const Split& validation,
                  const BlendConfig& config, PhaseLog& phases)
      : set_(find_candidates(
            comm, models, validation.train,
            unseen_request(validation.train, detail::sampled_users(comm, validation, config.max_users),
                           config.candidates),
            phases)),
        held_out_(validation.held_out.by_user) {}

  std::size_t num_users() const { return set_.users.size(); }
  Count user(std::size_t u) const { return set_.users[u]; }

  /// NDCG@n of one user under these weights. Ties go to the lower item index, as in lists.
  double ndcg(std::size_t u, std::span<const double> weights, Count n) const {
    const Range range = set_.pairs_of(u);
    std::vector<std::pair<double, Count>> ranked;  // minus score, item
    for (Count e = range.begin; e < range.end; ++e) {
      double score = 0;
      for (std::size_t m = 0; m < weights.size(); ++m) {
        score += weights[m] * static_cast<double>(set_.scores[m][static_cast<std::size_t>(e)]);
      }
      ranked.emplace_back(-score, set_.pairs.columns[static_cast<std::size_t>(e)]);
    }
    const auto kept = std::min(ranked.size(), static_cast<std::size_t>(n));
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(kept), ranked.end());
    std::vector<Count> list;
    for (std::size_t i = 0; i < kept; ++i) list.push_back(ranked[i].second);
    return ranking_metrics(list, held_out_.row_columns(set_.users[u] - set_.pairs.rows.begin), n).ndcg;
  }

 private:
  CandidateSet set_;
  const SparseRows& held_out_;
};

/// Mean NDCG@n over some of the sampled users of all ranks.
class SegmentMetric {
 public:
  SegmentMetric(const Communicator& comm, const CandidateScores& scores, std::vector<std::size_t> users,
                Count n)
      : comm_(comm),
        scores_(scores),
        users_(std::move(users)),
        n_(n),
        num_users_(comm.sum(static_cast<Count>(users_.size()))) {}

  Count num_users() const { return num_users_; }
  double operator()(std::span<const double> weights) const {
    std::vector<double> values(users_.size());
    parallel_for(static_cast<Count>(users_.size()), [&](Count u) {
      values[static_cast<std::size_t>(u)] = scores_.ndcg(users_[static_cast<std::size_t>(u)], weights, n_);
    });
    return exact_sum(comm_, values, 1)[0] / static_cast<double>(std::max<Count>(1, num_users_));
  }

 private:
  const Communicator& comm_;
  const CandidateScores& scores_;
  std::vector<std::size_t> users_;
  Count n_;
  Count num_users_;
};

/// Tries to move one weight. @return whether it helped
bool improve(const SegmentMetric& metric, std::vector<double>& weights, std::size_t moved, double& best) {
  constexpr double steps[] = {0.0, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.4, 2.0};
  constexpr double least_gain = 1e-6;
  const double from = weights[moved] > 0 ? weights[moved] : 0.25;
  const double before = weights[moved];
  double chosen = before;
  for (const double step : steps) {
    weights[moved] = from * step;
    if (std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; })) continue;
    const double value = metric(weights);
    if (value > best + least_gain) {
      best = value;
      chosen = weights[moved];
    }
  }
  weights[moved] = chosen;
  return chosen != before;
}

/// The largest weight becomes 1.
void normalize(std::vector<double>& weights) {
  const double largest = *std::max_element(weights.begin(), weights.end());
  for (double& weight : weights) weight /= largest;
}

}  // namespace

std::vector<float> score_scales(const Communicator& comm, const Model& model, const Dataset& dataset,
                                Count depth, PhaseLog& phases) {
  const TopRequest request = unseen_request(dataset, owned_users(comm, dataset), depth);
  const TopLists lists = top_items(comm, model, dataset, request, phases);
  std::vector<float> scales;
  for (std::size_t u = 0; u < request.users.size(); ++u) {
    const auto begin = static_cast<std::size_t>(lists.offsets[u]),
               end = static_cast<std::size_t>(lists.offsets[u + 1]);
    scales.push_back(score_scale(std::span(lists.scores).subspan(begin, end - begin)));
  }
  return scales;
}

std::size_t segment_of(Count num_interactions, std::span<const Count> bounds) {
  return static_cast<std::size_t>(std::upper_bound(bounds.begin(), bounds.end(), num_interactions) -
                                  bounds.begin());
}

BlendWeights learn_blend(const Communicator& comm, std::span<const Model* const> models,
                         const Split& validation, const BlendConfig& config, PhaseLog& phases) {
  if (models.empty()) throw ConfigError("a blend needs at least one model; give --models");
  if (config.n < 1 || config.candidates < config.n) {
    throw ConfigError("--blend-candidates must be at least --blend-n, which must be at least 1");
  }
  if (!std::is_sorted(config.segment_bounds.begin(), config.segment_bounds.end())) {
    throw ConfigError("--segments must be ascending");
  }
  const CandidateScores scores(comm, models, validation, config, phases);
  const auto timer = phases.time("learn weights", static_cast<Count>(scores.num_users()));
  BlendWeights result;
  const SparseRows& history = validation.train.by_user;
  for (std::size_t segment = 0; segment <= config.segment_bounds.size(); ++segment) {
    std::vector<std::size_t> members;
    for (std::size_t u = 0; u < scores.num_users(); ++u) {
      const Count length = history.row_length(scores.user(u) - history.rows.begin);
      if (segment_of(length, config.segment_bounds) == segment) members.push_back(u);
    }
    const SegmentMetric metric(comm, scores, std::move(members), config.n);
    std::vector<double> weights(models.size(), 1.0);
    double best = metric(weights);
    result.equal_metric.push_back(best);
    constexpr int most_rounds = 20;
    bool helped = metric.num_users() > 0;
    for (int round = 0; round < most_rounds && helped; ++round) {
      helped = false;
      for (std::size_t m = 0; m < models.size(); ++m) helped = improve(metric, weights, m, best) || helped;
    }
    normalize(weights);
    result.by_segment.push_back(std::move(weights));
    result.metric.push_back(best);
    result.num_users.push_back(metric.num_users());
  }
  return result;
}

}  // namespace pushcart
