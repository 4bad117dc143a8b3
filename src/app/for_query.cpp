#include "app/for_query.hpp"

#include <fmt/core.h>

#include "app/event_weight_option.hpp"
#include "app/inputs.hpp"
#include "pushcart/topn/filters.hpp"

namespace pushcart::app {

namespace {

void check(const ForQueryOptions& queries, const RecommendOptions& options) {
  if (!queries.texts.empty() && !queries.file.empty()) {
    throw ConfigError("--for-query and --queries: give one of them");
  }
  if (!options.users_file.empty()) throw ConfigError("--users: lists are for queries, or for users");
  if (!options.rerank.file.empty()) throw ConfigError("--rerank: lists for queries need no model");
  if (options.models.size() > 1) throw ConfigError("--model: lists for queries need no model");
  if (options.explain > 0) throw ConfigError("--explain: lists for queries have no reasons");
  if (options.exact_filter) throw ConfigError("--exact-filter: lists for queries need no model");
  if (is_chosen(options.chooser)) {
    throw ConfigError(
        "--min-evidence, --min-evidence-from, --fallback, --category-attribute, --new-share: lists for "
        "queries have sources of their own");
  }
}

/// This rank's share of the queries, in the order given, which continues from rank to rank. Collective.
StringTable wanted_queries(const Communicator& comm, const ForQueryOptions& queries) {
  StringTable texts;
  if (queries.file.empty()) {
    const auto num_texts = static_cast<Count>(queries.texts.size());
    for (Count n = num_texts * comm.rank() / comm.size(); n < num_texts * (comm.rank() + 1) / comm.size();
         ++n) {
      texts.push_back(queries.texts[static_cast<std::size_t>(n)]);
    }
    return texts;
  }
  texts = read_id_list(comm, queries.file);
  if (comm.sum(texts.size()) == 0) {
    throw InputError(fmt::format("{}: has no query; give one a line", queries.file));
  }
  return texts;
}

}  // namespace

void declare_for_query(OptionSet& options, ForQueryOptions& queries) {
  options.add("for-query", queries.texts, "lists for search queries instead of users: a query (repeat)");
  options.add("queries", queries.file, "lists for search queries instead of users: file with a query a line");
  options.add("similar-queries", queries.similar_queries,
              "with queries: how many others that are like a query speak for it");
  options.add("similar-weight", queries.similar_weight,
              "with queries: what these count beside how much the item's name is like the query");
  options.add("similar-power", queries.similar_power, "with queries: power of how much they are like it");
  options.add("session-gap-minutes", queries.weights.session_gap_minutes,
              "with queries: what a search led to ends with a pause of more than this");
  declare_event_weights(
      options, queries.weights.event_weights,
      "with queries: what acts after a search are worth, TYPE=1 (repeat); none = all, each the "
      "mean strength of its type");
}

void recommend_for_queries(Session& session, const ForQueryOptions& queries,
                           const RecommendOptions& options) {
  const auto& comm = session.comm;
  check(queries, options);
  announce_inputs(comm, "recommend", {{"data set", options.dataset}}, options.memory_per_rank);
  const Dataset dataset = load_dataset(session, options.dataset);
  ServedQueries served = served_queries(comm, dataset, wanted_queries(comm, queries));
  const AllowedItems allowed = allowed_items(comm, dataset, options.items);
  QueryListConfig config;
  config.n = options.n;
  config.similar_queries = queries.similar_queries;
  config.similar_weight = queries.similar_weight;
  config.similar_power = queries.similar_power;
  config.weights = queries.weights;
  config.item_allowed = allowed.allowed;
  config.memory_budget_bytes = options.memory_per_rank;
  Recommendations made{query_lists(comm, dataset, served, config, session.phases), std::move(served.unknown)};
  session.results["recommend"] = {{"queries", comm.sum(static_cast<Count>(served.queries.size()))},
                                  {"unknown_queries", served.num_unknown},
                                  {"items_allowed", allowed.num_allowed},
                                  {"unknown_excluded_items", allowed.num_unknown_excluded},
                                  {"unknown_included_items", allowed.num_unknown_included}};
  session.results["recommend"].update(list_source_results(comm, dataset.items, made.lists));
  const auto info =
      write_list_files(session, dataset, made, ListKind::query_lists, options.output, options.n, "");
  session.text = fmt::format("lists: {} ({} queries, {} entries, digest {})\n", options.output.folder,
                             info.num_rows, info.num_entries, info.digest);
}

}  // namespace pushcart::app
