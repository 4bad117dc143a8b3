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
  Count n = 20;                ///< length of the lists, >= 1
  Count similar_queries = 50;  ///< queries like a query that speak for it, >= 1
  QueryItemConfig weights;
  std::vector<std::uint8_t> item_allowed;  ///< per owned item: 0 = in no list; empty = all may
  Count memory_budget_bytes = 0;           ///< a rank's budget (--memory-per-rank); 0 = none
};

/// For each query a list that is full as long as there are items, filled in this order, with p(i | q) the
/// share of item i in the query-item weights of q (query_items()):
///  1. "searched": p(i | q), of queries that the dataset knows;
///  2. "similar queries": sum of s(q, q') p(i | q') over the queries q' most like it, s the cosine of their
///  words
///     (TF-IDF over the dataset's queries);
///  3. "name": cosine of its words and those of the item's name (TF-IDF over names);
///  4. "popular": number of users.
/// Scores above 0 only, but for popular; by score descending, then item, within a source. No item is in a
/// list twice. The same bits for any number of ranks. Collective. ConfigError for settings out of range.
/// @return rows: those of the known queries, then -1 for each unknown one of this rank
TopLists query_lists(const Communicator& comm, const Dataset& dataset, const ServedQueries& served,
                     const QueryListConfig& config, PhaseLog& phases);

}  // namespace pushcart
