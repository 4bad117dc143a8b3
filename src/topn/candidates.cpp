#include "pushcart/topn/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "pushcart/topn/pair_scores.hpp"
#include "topn/request_parts.hpp"

namespace pushcart {

namespace {

std::span<const Count> items_of(const TopLists& lists, std::size_t row) {
  const auto begin = static_cast<std::size_t>(lists.offsets[row]);
  return std::span(lists.items).subspan(begin, static_cast<std::size_t>(lists.offsets[row + 1]) - begin);
}

std::span<const float> scores_of(const TopLists& lists, std::size_t row) {
  const auto begin = static_cast<std::size_t>(lists.offsets[row]);
  return std::span(lists.scores).subspan(begin, static_cast<std::size_t>(lists.offsets[row + 1]) - begin);
}

/// The items of all lists of each user, each once, ascending.
SparseRows united(const std::vector<TopLists>& lists, const std::vector<Count>& users, Range owned,
                  Count num_items) {
  SparseRows pairs;
  pairs.rows = owned;
  pairs.num_columns = num_items;
  std::size_t next = 0;
  for (Count user = owned.begin; user < owned.end; ++user) {
    if (next < users.size() && users[next] == user) {
      std::vector<Count> items;
      for (const TopLists& some : lists) {
        const auto more = items_of(some, next);
        items.insert(items.end(), more.begin(), more.end());
      }
      std::sort(items.begin(), items.end());
      items.erase(std::unique(items.begin(), items.end()), items.end());
      pairs.columns.insert(pairs.columns.end(), items.begin(), items.end());
      ++next;
    }
    pairs.offsets.push_back(static_cast<Count>(pairs.columns.size()));
  }
  pairs.values.assign(pairs.columns.size(), 0.0F);
  return pairs;
}

std::vector<float> places_in(const TopLists& lists, const CandidateSet& set) {
  std::vector<float> places(set.pairs.columns.size(), NAN);
  for (std::size_t u = 0; u < set.users.size(); ++u) {
    const auto begin = set.pairs.columns.begin() + set.pairs_of(u).begin,
               end = set.pairs.columns.begin() + set.pairs_of(u).end;
    float place = 0;
    for (const Count item : items_of(lists, u)) {
      const auto found = std::lower_bound(begin, end, item);
      places[static_cast<std::size_t>(found - set.pairs.columns.begin())] = ++place;
    }
  }
  return places;
}

std::vector<float> scaled_scores(const Communicator& comm, const Model& model, const Dataset& dataset,
                                 const TopLists& lists, const CandidateSet& set) {
  std::vector<float> scores = pair_scores(comm, model, dataset, set.pairs);
  for (std::size_t u = 0; u < set.users.size(); ++u) {
    const float scale = score_scale(scores_of(lists, u));
    const Range range = set.pairs_of(u);
    for (Count pair = range.begin; pair < range.end; ++pair) scores[static_cast<std::size_t>(pair)] *= scale;
  }
  return scores;
}

}  // namespace

float score_scale(std::span<const float> best) {
  double sum = 0;
  for (const float score : best) sum += static_cast<double>(score);
  const double mean = best.empty() ? 0.0 : sum / static_cast<double>(best.size());
  const auto scale = static_cast<float>(1 / mean);
  return mean > 0 && std::isfinite(scale) ? scale : 1.0F;
}

Count candidate_bytes_of_a_user(Count num_models, Count places) {
  constexpr Count list_entry = sizeof(Count) + sizeof(float), pair = sizeof(Count) + sizeof(float);
  return num_models * places * (list_entry + pair + 2 * num_models * Count{sizeof(float)});
}

CandidateSet part_of(const CandidateSet& set, Range users) {
  CandidateSet part;
  part.pairs.num_columns = set.pairs.num_columns;
  part.scores.resize(set.scores.size());
  part.places.resize(set.places.size());
  if (users.size() == 0) return part;
  part.users.assign(set.users.begin() + users.begin, set.users.begin() + users.end);
  const auto first_row = static_cast<std::size_t>(part.users.front() - set.pairs.rows.begin),
             end_row = static_cast<std::size_t>(part.users.back() + 1 - set.pairs.rows.begin);
  const Count begin = set.pairs.offsets[first_row], end = set.pairs.offsets[end_row];
  const auto cut = [&](const auto& values) {
    return std::decay_t<decltype(values)>(values.begin() + begin, values.begin() + end);
  };
  part.pairs.rows = {part.users.front(), part.users.back() + 1};
  part.pairs.offsets.clear();
  for (std::size_t row = first_row; row <= end_row; ++row) {
    part.pairs.offsets.push_back(set.pairs.offsets[row] - begin);
  }
  part.pairs.columns = cut(set.pairs.columns);
  part.pairs.values = cut(set.pairs.values);
  std::transform(set.scores.begin(), set.scores.end(), part.scores.begin(), cut);
  std::transform(set.places.begin(), set.places.end(), part.places.begin(), cut);
  return part;
}

CandidateSet find_candidates(const Communicator& comm, std::span<const Model* const> models,
                             const Dataset& dataset, const TopRequest& request, PhaseLog& phases) {
  std::vector<TopLists> lists;
  CandidateSet set;
  set.users = request.users;
  for (const Model* model : models) {
    lists.push_back(top_items(comm, *model, dataset, request, phases));
    detail::add(set.scoring, lists.back().scoring);
  }
  set.pairs = united(lists, set.users, dataset.users.range(comm.rank()), dataset.num_items());
  const auto timer = phases.time("score candidates", set.pairs.num_entries());
  for (std::size_t m = 0; m < models.size(); ++m) {
    set.places.push_back(places_in(lists[m], set));
    set.scores.push_back(scaled_scores(comm, *models[m], dataset, lists[m], set));
  }
  return set;
}

}  // namespace pushcart
