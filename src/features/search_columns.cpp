#include "features/search_columns.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "features/column_set.hpp"
#include "models/content/words.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/fetch_strings.hpp"

namespace pushcart::detail {

namespace {

/// Queries of the searches that count, by owned user.
std::vector<std::vector<Count>> queries_of_users(const Searches& searches, const LogScope& scope) {
  std::vector<std::vector<Count>> queries(searches.offsets.size() - 1);
  for (std::size_t user = 0; user < queries.size(); ++user) {
    for (auto s = static_cast<std::size_t>(searches.offsets[user]);
         s < static_cast<std::size_t>(searches.offsets[user + 1]); ++s) {
      if (!scope.has_times || searches.time[s] <= scope.cutoff) queries[user].push_back(searches.query[s]);
    }
  }
  return queries;
}

/// The most frequent words, ties by bytes, parted by blanks.
std::string top_words(const std::map<std::string, Count>& counts, Count most) {
  std::vector<std::pair<std::string, Count>> words(counts.begin(), counts.end());
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t w = 0; w < std::min(words.size(), static_cast<std::size_t>(most)); ++w) {
    if (w > 0) text += ' ';
    text += words[w].first;
  }
  return text;
}

StringTable top_terms(const Communicator& comm, const Searches& searches,
                      const std::vector<std::vector<Count>>& queries, Count most) {
  std::vector<Count> wanted;
  for (const auto& of_user : queries) wanted.insert(wanted.end(), of_user.begin(), of_user.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const StringTable texts = fetch_strings(comm, searches.queries, searches.texts, wanted);
  return collectively(comm, "count query words", [&] {
    content::WordCutter words;
    StringTable terms;
    for (const auto& of_user : queries) {
      std::map<std::string, Count> counts;
      for (const Count query : of_user) {
        const auto text = std::lower_bound(wanted.begin(), wanted.end(), query) - wanted.begin();
        words.cut(texts[text], [&](std::string_view word) { ++counts[std::string(word)]; });
      }
      terms.push_back(top_words(counts, most));
    }
    return terms;
  });
}

}  // namespace

void add_searches(const Communicator& comm, const Dataset& dataset, const LogScope& scope,
                  FeatureTable& users, std::vector<AbsentFeature>& absent) {
  if (!dataset.searches) {
    for (const char* name : {"searches", "queries", "searches_per_session", "top_query_terms"}) {
      absent.push_back({name, "the data set has no searches: no column was mapped to query"});
    }
    return;
  }
  const auto queries = queries_of_users(*dataset.searches, scope);
  FeatureColumn searches{"searches", "events", "events with a query", never_missing, 1, {}};
  FeatureColumn distinct{"queries", "number", "different queries", never_missing, 1, {}};
  FeatureColumn per_session{"searches_per_session",    "events", "events with a query a session",
                            "the user has no session", 1,        {}};
  const FeatureColumn* sessions = users.find("sessions");
  for (std::size_t user = 0; user < queries.size(); ++user) {
    const auto num_searches = static_cast<double>(queries[user].size());
    searches.values.push_back(static_cast<float>(num_searches));
    distinct.values.push_back(
        static_cast<float>(std::set<Count>(queries[user].begin(), queries[user].end()).size()));
    if (sessions)
      per_session.values.push_back(static_cast<float>(ratio(num_searches, sessions->values[user])));
  }
  if (!sessions) absent.push_back({per_session.name, "the log has no times"});
  const bool has_sessions = sessions != nullptr;
  users.columns.push_back(std::move(searches));  // `sessions` is void from here on
  users.columns.push_back(std::move(distinct));
  if (has_sessions) users.columns.push_back(std::move(per_session));
  users.texts.push_back(
      {"top_query_terms",
       fmt::format("the {} most frequent words of the queries, most frequent first, parted by blanks",
                   scope.config.top_terms),
       "the user has no query", top_terms(comm, *dataset.searches, queries, scope.config.top_terms)});
}

}  // namespace pushcart::detail
