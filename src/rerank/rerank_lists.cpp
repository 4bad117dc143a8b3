#include "pushcart/rerank/rerank_lists.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "topn/request_parts.hpp"

namespace pushcart {

namespace {

/// Candidates of a user, if no two models have one in common.
Count pairs_of_a_user(const Reranker& reranker) {
  return static_cast<Count>(reranker.members.size()) * reranker.candidates;
}

/// Candidates with the models' lists that they are made of.
Count set_bytes_of_a_user(const Reranker& reranker) {
  return candidate_bytes_of_a_user(static_cast<Count>(reranker.members.size()), reranker.candidates);
}

Count users_at_once(Count batch_bytes, Count bytes_of_a_user) {
  return std::max<Count>(1, batch_bytes / bytes_of_a_user);
}

Count longest_row(const SparseRows& rows) {
  Count longest = 0;
  for (Count row = 0; row < rows.num_rows(); ++row) longest = std::max(longest, rows.row_length(row));
  return longest;
}

/// Calls use(range) for as many parts of [0, count), of `at_once` at most, on all ranks. Collective.
template <class Use>
void for_each_part(const Communicator& comm, Count count, Count at_once, Use&& use) {
  const Count num_parts = comm.allreduce((count + at_once - 1) / at_once, Reduce::max);
  for (Count part = 0; part < num_parts; ++part) {
    use(Range{std::min(count, part * at_once), std::min(count, (part + 1) * at_once)});
  }
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
                             const Features* features, PhaseLog& phases, Count batch_bytes)
    : comm_(comm),
      reranker_(reranker),
      models_(models.begin(), models.end()),
      dataset_(dataset),
      phases_(phases),
      batch_bytes_(batch_bytes),
      columns_(comm, dataset, checked_families(reranker, models), features),
      booster_(reranker.trees.bytes,
               static_cast<Count>(checked_columns(reranker, columns_, features != nullptr).size())) {}

/// Columns, a part's own copy of the candidates, and their items, as named and as fetched.
Count RerankedLists::table_bytes_of_a_user() const {
  const Count pairs = pairs_of_a_user(reranker_);
  return set_bytes_of_a_user(reranker_) + pairs * columns_.num_columns() * Count{sizeof(float)} +
         columns_.fetched_bytes(pairs, 0);
}

void RerankedLists::plan(MemoryPlan& plan, Count num_users, Count num_pairs) const {
  const Count set_bytes = set_bytes_of_a_user(reranker_), table_bytes = table_bytes_of_a_user();
  const Count users_of_a_part = std::min(num_users, users_at_once(batch_bytes_, table_bytes));
  plan.add("candidates to re-rank", std::min(num_users, users_at_once(batch_bytes_, set_bytes)) * set_bytes);
  plan.add("columns of a part of them", users_of_a_part * table_bytes);
  const Count history = std::min(num_pairs, users_of_a_part * longest_row(dataset_.by_user));
  plan.add("what is told of items: of those owned, of what a part's users have, and to other ranks",
           columns_.owned_bytes() + columns_.fetched_bytes(0, history) +
               columns_.served_bytes(users_of_a_part * pairs_of_a_user(reranker_), history));
}

TopLists RerankedLists::lists(const TopRequest& request) const {
  if (request.n > reranker_.candidates) {
    throw ConfigError(fmt::format("--rerank: lists of {} places, but it orders {} candidates a model",
                                  request.n, reranker_.candidates));
  }
  TopLists lists;
  // Models search for many users at once, since each search prepares the items anew.
  for_each_part(comm_, static_cast<Count>(request.users.size()),
                users_at_once(batch_bytes_, set_bytes_of_a_user(reranker_)), [&](Range users) {
                  TopRequest part = detail::part_of(request, users);
                  part.n = reranker_.candidates;
                  detail::append(lists,
                                 rank(find_candidates(comm_, models_, dataset_, part, phases_), request.n));
                });
  lists.source_names = {reranked_source};
  lists.sources.assign(lists.items.size(), 0);
  return lists;
}

TopLists RerankedLists::rank(const CandidateSet& candidates, Count n) const {
  const auto timer = phases_.time("re-rank", candidates.pairs.num_entries());
  TopLists lists;
  lists.rows = candidates.users;
  lists.scoring = candidates.scoring;
  for_each_part(comm_, static_cast<Count>(candidates.users.size()),
                users_at_once(batch_bytes_, table_bytes_of_a_user()),
                [&](Range users) { rank_part(part_of(candidates, users), n, lists); });
  return lists;
}

/// Puts the lists of the candidates' users behind those that are there.
void RerankedLists::rank_part(const CandidateSet& candidates, Count n, TopLists& lists) const {
  const std::vector<float> scores = booster_.predict(columns_.table(candidates));
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
}

}  // namespace pushcart
