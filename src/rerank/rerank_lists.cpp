#include "pushcart/rerank/rerank_lists.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "topn/request_parts.hpp"

namespace pushcart {

namespace {

/// Room for a batch of users' candidates and their columns on a rank.
constexpr Count batch_bytes = Count{1} << 28;

/// If no two models have a candidate in common.
Count bytes_of_a_user(const Reranker& reranker) {
  const auto num_models = static_cast<Count>(reranker.members.size()),
             num_columns = static_cast<Count>(reranker.columns.size());
  const Count bytes_of_a_pair =
      Count{sizeof(float)} * (num_columns + 2 * num_models) + 4 * Count{sizeof(Count)};
  return num_models * reranker.candidates * bytes_of_a_pair;
}

Count batch_users(const Reranker& reranker) {
  return std::max<Count>(1, batch_bytes / bytes_of_a_user(reranker));
}

std::vector<std::string> families_of(std::span<const Model* const> models) {
  std::vector<std::string> families;
  for (const Model* model : models) families.push_back(model->family);
  return families;
}

/// Refuses other models than those of the training.
std::vector<std::string> checked_families(const Reranker& reranker, std::span<const Model* const> models) {
  const std::vector<std::string> given = families_of(models);
  std::vector<std::string> wanted;
  for (const RerankMember& member : reranker.members) wanted.push_back(member.family);
  if (given != wanted) {
    throw ConfigError(
        fmt::format("--rerank: it has learned from models of the families {}, in this order; "
                    "--model gives {}",
                    fmt::join(wanted, ", "), fmt::join(given, ", ")));
  }
  return given;
}

/// Refuses other columns than those of the training.
const std::vector<std::string>& checked_columns(const Reranker& reranker, const RerankColumns& columns,
                                                bool has_features) {
  const auto &wanted = reranker.columns, &given = columns.names();
  if (given == wanted) return given;
  if (!has_features || reranker.features_digest.empty()) {
    throw ConfigError(has_features ? "--features: this re-ranker was trained without features"
                                   : "--rerank: it was trained with features; give --features");
  }
  for (const std::string& name : wanted) {
    if (std::find(given.begin(), given.end(), name) == given.end())
      throw ConfigError(fmt::format("--features: no '{}', which the re-ranker has learned from", name));
  }
  for (const std::string& name : given) {
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end())
      throw ConfigError(fmt::format("--features: '{}', which the re-ranker does not know", name));
  }
  throw ConfigError("--features: in another order than those that the re-ranker has learned from");
}

}  // namespace

RerankedLists::RerankedLists(const Communicator& comm, const Reranker& reranker,
                             std::span<const Model* const> models, const Dataset& dataset,
                             const Features* features, PhaseLog& phases)
    : comm_(comm),
      reranker_(reranker),
      models_(models.begin(), models.end()),
      dataset_(dataset),
      phases_(phases),
      columns_(comm, dataset, checked_families(reranker, models), features),
      booster_(reranker.trees.bytes,
               static_cast<Count>(checked_columns(reranker, columns_, features != nullptr).size())) {}

void RerankedLists::plan(MemoryPlan& plan, const Reranker& reranker, Count num_users) {
  plan.add("candidates to re-rank and their columns",
           std::min(num_users, batch_users(reranker)) * bytes_of_a_user(reranker));
}

TopLists RerankedLists::lists(const TopRequest& request) const {
  if (request.n > reranker_.candidates) {
    throw ConfigError(fmt::format("--rerank: lists of {} places, but it orders {} candidates a model",
                                  request.n, reranker_.candidates));
  }
  const auto num_users = static_cast<Count>(request.users.size()), batch = batch_users(reranker_);
  const Count num_batches = comm_.allreduce((num_users + batch - 1) / batch, Reduce::max);
  TopLists lists;
  for (Count b = 0; b < num_batches; ++b) {
    TopRequest part =
        detail::part_of(request, Range{std::min(num_users, b * batch), std::min(num_users, (b + 1) * batch)});
    part.n = reranker_.candidates;
    detail::append(lists, rank(find_candidates(comm_, models_, dataset_, part, phases_), request.n));
  }
  lists.source_names = {reranked_source};
  lists.sources.assign(lists.items.size(), 0);
  return lists;
}

TopLists RerankedLists::rank(const CandidateSet& candidates, Count n) const {
  const auto timer = phases_.time("re-rank", candidates.pairs.num_entries());
  const std::vector<float> scores = booster_.predict(columns_.table(candidates));
  TopLists lists;
  lists.rows = candidates.users;
  lists.scoring = candidates.scoring;
  for (std::size_t u = 0; u < candidates.users.size(); ++u) {
    const Range range = candidates.pairs_of(u);
    std::vector<std::pair<float, Count>> ranked;  // minus score, item
    for (auto pair = static_cast<std::size_t>(range.begin); pair < static_cast<std::size_t>(range.end);
         ++pair)
      ranked.emplace_back(-scores[pair], candidates.pairs.columns[pair]);
    const auto kept = std::min(ranked.size(), static_cast<std::size_t>(n));
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(kept), ranked.end());
    for (std::size_t i = 0; i < kept; ++i) {
      lists.items.push_back(ranked[i].second);
      lists.scores.push_back(-ranked[i].first);
    }
    lists.offsets.push_back(static_cast<Count>(lists.items.size()));
  }
  return lists;
}

}  // namespace pushcart
