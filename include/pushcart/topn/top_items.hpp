#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/exact_filter.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// Who is served, how many, and what must not appear.
struct TopRequest {
  std::vector<Count> users;  ///< global indices of owned users to serve, ascending
  Count n = 20;
  /// Per entry of `users` (row r is users[r], rows.begin unused): items that must not appear, ascending.
  SparseRows excluded;
  /// Per owned item: 0 = may not appear in any list. Empty = all may.
  std::vector<std::uint8_t> item_allowed;
};

/// Exact top-n of the whole catalogue by the model's score, for this rank's users. Item blocks come round by
/// broadcast from their owners, the next while one is searched; see docs/top-n.md for the method. Scores are
/// those of models/score.hpp; order: score descending, item index ascending. Items with score -infinity or
/// excluded never appear; lists may be shorter than n. Bits do not depend on ranks, threads or on who else is
/// served. Collective.
TopLists top_items(const Communicator& comm, const Model& model, const Dataset& dataset,
                   const TopRequest& request, PhaseLog& phases);

/// top_items with the filter's terms in place of the model's item weights, some users at a time.
TopLists top_items(const Communicator& comm, const Model& model, const ExactFilter& filter,
                   const Dataset& dataset, const TopRequest& request, PhaseLog& phases);

/// The lists of a request made in batches of users by `search`, with checkpoints between them: users whom an
/// earlier run has served are not served again. A request of some seconds is one batch. The same lists as
/// search(request), but the scoring report is of what this run did. Collective.
using ListSearch = std::function<TopLists(const TopRequest& request)>;
TopLists top_items_in_batches(const Communicator& comm, const Model& model, const Dataset& dataset,
                              const TopRequest& request, RowCheckpoints& checkpoints,
                              const ListSearch& search);

/// Mean over all lists of all ranks of overlap(); 1 if there are none. The lists are of the same rows.
/// Collective.
double mean_overlap(const Communicator& comm, const TopLists& lists, const TopLists& others);

/// What top_items and similar_items hold on this rank beside model, request and lists.
/// Ranks serve like numbers of rows, so a rank with fewer than the mean takes some of others. Collective.
/// @param num_rows      rows of this rank
/// @param num_excluded  entries of what is excluded from their lists
void plan_top_items(const Communicator& comm, MemoryPlan& plan, const Model& model, Count num_rows,
                    Count num_excluded, Count n);

/// The scoring of all ranks together: sums, and the longest time. Collective.
ScoringReport sum_over_ranks(const Communicator& comm, const ScoringReport& mine);

/// Appends to lists shorter than n the most popular items that are allowed and not yet there, labelled with
/// `source`. Popularity is the score of `popular` (a model with item_bias only). Collective.
void fill_from_popular(const Communicator& comm, const Model& popular, const TopRequest& request,
                       TopLists& lists, const std::string& source);

/// Appends to lists shorter than n the best items by another model that are allowed, not yet there, and that
/// it scores above 0: a model that has nothing to say of a user adds nothing. Rows of -1, and those of users
/// with fewer than `min_pairs` pairs, stay as they are. Collective.
void fill_from_model(const Communicator& comm, const Model& model, const Dataset& dataset,
                     const TopRequest& request, TopLists& lists, const std::string& source, Count min_pairs,
                     PhaseLog& phases);

/// What is popular within each category of items.
struct CategoryPopularity {
  Categories categories;
  SparseRows by_category;        ///< this rank's categories x allowed items, value = popularity, above 0
  std::vector<double> totals;    ///< popularity of each of these rows
  bool items_are_alike = false;  ///< each item's popularity is 1, and values order those of equal score
};

/// @param popular  item_bias only, whole numbers: of users, say
/// Collective. ConfigError: the items have no such attribute.
CategoryPopularity category_popularity(const Communicator& comm, const Dataset& dataset, const Model& popular,
                                       const std::string& attribute, const TopRequest& request);

/// The same of items that nobody has: one is as popular as the other.
/// @param order  item_bias only, above 0: of items with equal scores those of higher ones come first
CategoryPopularity category_sizes(const Communicator& comm, const Dataset& dataset, const Model& order,
                                  const std::string& attribute, const TopRequest& request);

/// Appends to lists shorter than n what is popular in the categories of the user's items, by
///
///     (share of c among the user's items that have a category) * popularity of i / popularity of all allowed
///     items of c
///
/// for an item i of category c: how likely it is to be met by who follows the user's own mix of categories,
/// then what others take. Items of popularity 0 are left out. Rows of -1 stay as they are. Collective.
void fill_from_categories(const Communicator& comm, const CategoryPopularity& popularity,
                          const Dataset& dataset, const TopRequest& request, TopLists& lists,
                          const std::string& source);

/// For every owned item its k nearest other items by cosine of the item factors (zero rows have none).
/// Collective; ConfigError if the model has no factors. @param checkpoints  as for top_items_in_batches
TopLists similar_items(const Communicator& comm, const Model& model, Count k, PhaseLog& phases,
                       RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
