#pragma once

#include "app/recommend.hpp"
#include "pushcart/topn/query_lists.hpp"

namespace pushcart::app {

/// Queries that `recommend` makes lists for, in place of users.
struct ForQueryOptions {
  std::vector<std::string> texts;
  std::string file;
  Count similar_queries = 50;
  double similar_weight = 0.3, similar_power = 4;  ///< as in QueryListConfig
  QueryItemConfig weights;

  bool is_given() const { return !texts.empty() || !file.empty(); }
};
void declare_for_query(OptionSet& options, ForQueryOptions& queries);

/// The best items for each query (query_lists()), written as `options` says. Collective. ConfigError for
/// options that say something about users or models.
void recommend_for_queries(Session& session, const ForQueryOptions& queries, const RecommendOptions& options);

}  // namespace pushcart::app
