#include "models/similarity/query_rows.hpp"

#include <algorithm>
#include <map>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::similarity {

namespace {

UserRows queries_of_users(const Dataset& dataset, bool with_times) {
  const Searches& searches = *dataset.searches;
  SparseRows rows;
  rows.rows = dataset.by_user.rows;
  rows.num_columns = searches.queries.num_rows();
  std::vector<std::int32_t> times;
  std::map<Count, std::int64_t> latest;
  for (std::size_t user = 0; user + 1 < searches.offsets.size(); ++user) {
    latest.clear();
    for (auto s = static_cast<std::size_t>(searches.offsets[user]);
         s < static_cast<std::size_t>(searches.offsets[user + 1]); ++s) {
      latest[searches.query[s]] = searches.time[s];  // by time ascending
    }
    for (const auto& [query, time] : latest) {
      rows.columns.push_back(query);
      if (with_times) times.push_back(seconds_before(dataset.cutoff_time, time));
    }
    rows.offsets.push_back(static_cast<Count>(rows.columns.size()));
  }
  rows.values.assign(rows.columns.size(), 1.0F);
  return {std::make_shared<const SparseRows>(std::move(rows)), std::move(times)};
}

}  // namespace

SideRows query_rows(const Communicator& comm, const Dataset& dataset, bool with_times) {
  const UserRows by_user = collectively(comm, "choosing searches", [&] {
    if (!dataset.searches) {
      throw ConfigError(
          "--from-searches: the data set has no searches; ingest it with a column mapped to query");
    }
    check_window(dataset, with_times);
    return queries_of_users(dataset, with_times);
  });
  const Partition& queries = dataset.searches->queries;
  SideRows result;
  result.rows =
      std::make_shared<const SparseRows>(transpose(comm, *by_user.rows, queries, dataset.num_users()));
  if (with_times) {
    result.times = transpose_times(comm, *by_user.rows, by_user.times, queries, dataset.num_users());
  }
  return result;
}

}  // namespace pushcart::similarity
