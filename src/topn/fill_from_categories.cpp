#include <algorithm>

#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/short_lists.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart {

namespace {

using detail::ShortList;

/// An item that can be listed for a user, by its exact score.
struct Candidate {
  double score = 0;
  float order = 0;  ///< of equal scores the higher one comes first
  Count item = 0;
  bool operator<(const Candidate& other) const {
    if (score != other.score) return score > other.score;
    return order > other.order || (order == other.order && item < other.item);
  }
};

/// How many of a user's items are of each category.
struct Mix {
  std::vector<std::pair<Count, Count>> counts;  // category, items
  Count total = 0;
};

Mix mix_of(std::span<const Count> categories) {
  Mix mix;
  std::vector<Count> sorted(categories.begin(), categories.end());
  std::sort(sorted.begin(), sorted.end());
  for (const Count category : sorted) {
    if (category < 0) continue;
    if (mix.counts.empty() || mix.counts.back().first != category) mix.counts.emplace_back(category, 0);
    ++mix.counts.back().second;
    ++mix.total;
  }
  return mix;
}

/// The mixes of the users whose lists are short. Collective.
std::vector<Mix> mixes_of(const Communicator& comm, const Categories& categories, const Dataset& dataset,
                          const std::vector<ShortList>& short_lists, const TopLists& lists) {
  std::vector<Count> items, offsets{0};
  for (const ShortList& list : short_lists) {
    const Count user = lists.rows[static_cast<std::size_t>(list.row)];
    const auto row = dataset.by_user.row_columns(user - dataset.by_user.rows.begin);
    items.insert(items.end(), row.begin(), row.end());
    offsets.push_back(static_cast<Count>(items.size()));
  }
  const auto category_of_item = fetch_values<Count>(comm, dataset.items, categories.of_item, items);
  std::vector<Mix> mixes;
  for (std::size_t r = 0; r < short_lists.size(); ++r) {
    mixes.push_back(mix_of(std::span(category_of_item)
                               .subspan(static_cast<std::size_t>(offsets[r]),
                                        static_cast<std::size_t>(offsets[r + 1] - offsets[r]))));
  }
  return mixes;
}

/// The `depth` most popular items of each category: no list needs more.
SparseRows most_popular(const SparseRows& by_category, Count depth) {
  SparseRows kept{by_category.rows, by_category.num_columns, {0}, {}, {}};
  for (Count row = 0; row < by_category.num_rows(); ++row) {
    const auto items = by_category.row_columns(row);
    const auto values = by_category.row_values(row);
    std::vector<detail::ScoredItem> order;
    for (std::size_t i = 0; i < items.size(); ++i) order.push_back({items[i], values[i]});
    std::sort(order.begin(), order.end(), detail::ranks_before);
    if (static_cast<Count>(order.size()) > depth) order.resize(static_cast<std::size_t>(depth));
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.item < b.item; });
    for (const auto& entry : order) {
      kept.columns.push_back(entry.item);
      kept.values.push_back(entry.score);
    }
    kept.offsets.push_back(kept.num_entries());
  }
  return kept;
}

void take(const Mix& mix, const detail::WeightRows& rows, std::span<const double> totals,
          const std::vector<Count>& needed, bool items_are_alike, ShortList& list) {
  std::vector<Candidate> candidates;
  for (const auto& [category, count] : mix.counts) {
    const auto position = std::lower_bound(needed.begin(), needed.end(), category) - needed.begin();
    const double total = totals[static_cast<std::size_t>(position)];
    const double share = static_cast<double>(count) / static_cast<double>(mix.total);
    const auto row = rows.row(category);
    for (std::size_t i = 0; i < row.columns.size(); ++i) {
      if (!list.wants(row.columns[i])) continue;
      const double popularity = items_are_alike ? 1.0 : static_cast<double>(row.values[i]);
      candidates.push_back(
          {share * popularity / total, items_are_alike ? row.values[i] : 0.0F, row.columns[i]});
    }
  }
  const auto kept = std::min(candidates.size(), static_cast<std::size_t>(list.missing));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                    candidates.end());
  for (std::size_t i = 0; i < kept; ++i) {
    list.add({candidates[i].item, static_cast<float>(candidates[i].score)});
  }
}

/// Allowed items by category, all but the totals. Collective. @param values  item_bias
CategoryPopularity items_by_category(const Communicator& comm, const Dataset& dataset, const Model& values,
                                     const std::string& attribute, const TopRequest& request) {
  check_item_attribute(dataset, attribute, "--category-attribute");
  CategoryPopularity result{categories_of(comm, dataset, attribute), {}, {}};
  const Range owned = dataset.items.range(comm.rank());
  std::vector<Interaction> pairs;  // of a category and an item
  for (Count item = 0; item < owned.size(); ++item) {
    const auto position = static_cast<std::size_t>(item);
    if (!request.item_allowed.empty() && !request.item_allowed[position]) continue;
    const Count category = result.categories.of_item[position];
    const float value = values.item_bias[position];
    if (category >= 0 && value > 0) pairs.push_back({category, owned.begin + item, 0, value});
  }
  result.by_category = rows_by_owner(comm, result.categories.partition, dataset.num_items(), pairs);
  return result;
}

}  // namespace

CategoryPopularity category_popularity(const Communicator& comm, const Dataset& dataset, const Model& popular,
                                       const std::string& attribute, const TopRequest& request) {
  CategoryPopularity result = items_by_category(comm, dataset, popular, attribute, request);
  for (Count row = 0; row < result.by_category.num_rows(); ++row) {
    double total = 0;  // of whole numbers: exact in any order
    for (const float value : result.by_category.row_values(row)) total += static_cast<double>(value);
    result.totals.push_back(total);
  }
  return result;
}

CategoryPopularity category_sizes(const Communicator& comm, const Dataset& dataset, const Model& order,
                                  const std::string& attribute, const TopRequest& request) {
  CategoryPopularity result = items_by_category(comm, dataset, order, attribute, request);
  result.items_are_alike = true;
  for (Count row = 0; row < result.by_category.num_rows(); ++row)
    result.totals.push_back(static_cast<double>(result.by_category.row_length(row)));
  return result;
}

void fill_from_categories(const Communicator& comm, const CategoryPopularity& popularity,
                          const Dataset& dataset, const TopRequest& request, TopLists& lists,
                          const std::string& source) {
  auto short_lists = detail::find_short_lists(request, lists);
  std::erase_if(short_lists,
                [&](const ShortList& list) { return lists.rows[static_cast<std::size_t>(list.row)] < 0; });
  const auto& categories = popularity.categories;
  const std::vector<Mix> mixes = mixes_of(comm, categories, dataset, short_lists, lists);
  Count depth = 0;
  std::vector<Count> needed;
  for (std::size_t r = 0; r < short_lists.size(); ++r) {
    depth = std::max(depth, short_lists[r].missing + static_cast<Count>(short_lists[r].unwanted.size()));
    for (const auto& [category, count] : mixes[r].counts) needed.push_back(category);
  }
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  const SparseRows best = most_popular(popularity.by_category, comm.allreduce(depth, Reduce::max));
  const detail::WeightRows rows(comm, categories.partition, best, needed);
  const auto totals = fetch_values<double>(comm, categories.partition, popularity.totals, needed);
  for (std::size_t r = 0; r < short_lists.size(); ++r)
    take(mixes[r], rows, totals, needed, popularity.items_are_alike, short_lists[r]);
  detail::append_added(lists, short_lists, source);
}

}  // namespace pushcart
