#pragma once

#include <cstdint>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/query_items.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// Queries that lists are wanted for.
struct ServedQueries {
  std::vector<Count> queries;  ///< owned queries of the dataset, ascending, each once
  StringTable unknown;         ///< texts that nobody searched, in the order given: on the rank that gave them
  Count num_unknown = 0;       ///< over all ranks
  Count num_repeated = 0;      ///< known queries given more than once, over all ranks
};

/// Finds queries by their text, byte for byte; without searches in the dataset all are unknown. Collective.
/// @param texts  on any ranks
ServedQueries served_queries(const Communicator& comm, const Dataset& dataset, const StringTable& texts);

struct QueryListConfig {
  Count n = 20;                 ///< length of the lists, >= 1
  Count similar_queries = 50;   ///< queries like a query that speak for it, >= 1
  double similar_weight = 0.3;  ///< w, >= 0
  double similar_power = 4;     ///< of s, > 0
  QueryItemConfig weights;
  std::vector<std::uint8_t> item_allowed;  ///< per owned item: 0 = in no list; empty = all may
  Count memory_budget_bytes = 0;           ///< a rank's budget (--memory-per-rank); 0 = none
};

/// For each query a list that is full as long as there are items, filled in this order, with p(i | q) the
/// share of item i in the query-item weights of q (query_items()):
///  1. "searched": p(i | q), of queries that the dataset knows;
///  2. "similar": w times the sum of s(q, q')^power p(i | q') over the queries q' most like it, plus the
///  cosine of it and the item's name; s and cosine by hashed n-grams of words (NgramConfig; TF-IDF over the
///  dataset's queries, over names), so that words spelt a little differently count as alike;
///  3. "popular": number of users.
/// Scores above 0 only, but for popular; by score descending, then item, within a source. No item is in a
/// list twice. The same bits for any number of ranks. Collective. ConfigError for settings out of range.
/// @return rows: those of the known queries, then -1 for each unknown one of this rank
TopLists query_lists(const Communicator& comm, const Dataset& dataset, const ServedQueries& served,
                     const QueryListConfig& config, PhaseLog& phases);

}  // namespace pushcart
