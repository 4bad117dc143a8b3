#include "matrix/build_searches.hpp"

#include <algorithm>
#include <compare>
#include <utility>

#include "matrix/referenced_ids.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::detail {

namespace {

/// A search by final indices, in the order of the data set.
struct Row {
  Count user;
  std::int64_t time;
  Count query, item;
  friend auto operator<=>(const Row&, const Row&) = default;
};

/// One number of each search's query or item, from their owners.
std::vector<Count> fetch(const ReferencedIds& ids, std::span<const Count> by_slot) {
  const auto values = ids.fetch(by_slot);
  std::vector<Count> of_search;
  for (const auto position : ids.positions()) of_search.push_back(values[position]);
  return of_search;
}

std::vector<Row> brought_to_owners(const Communicator& comm, const std::vector<Row>& rows,
                                   const Partition& owners) {
  std::vector<int> ranks;
  for (const Row& row : rows) ranks.push_back(owners.owner(row.user));
  return exchange_grouped<Row>(comm, rows, order_by_rank(ranks, comm.size())).data;
}

}  // namespace

Searches build_searches(const Communicator& comm, InteractionLog& log, std::int64_t until,
                        const Numbering& users, const Numbering& items, const Partition& owners) {
  std::vector<Row> rows;
  std::vector<ProvisionalId> row_items, row_queries;
  for (const SearchEvent& search : std::exchange(log.searches, {})) {
    const Count user = users.index_of_slot[search.user];
    if (user < 0 || search.time > until) continue;
    rows.push_back({user, search.time, 0, 0});
    row_items.push_back(search.item);
    row_queries.push_back(search.query);
  }
  const ReferencedIds named_items(comm, row_items, static_cast<Count>(items.index_of_slot.size()));
  const ReferencedIds named_queries(comm, row_queries, log.query_texts.size());
  std::vector<Count> counts(named_queries.size(), 0);
  for (const auto position : named_queries.positions()) ++counts[position];
  const Numbering queries = number_by_count(comm, log.query_texts, named_queries.sum_at_owners(counts));
  const auto item_of = fetch(named_items, items.index_of_slot),
             query_of = fetch(named_queries, queries.index_of_slot);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    rows[r].query = query_of[r];
    rows[r].item = item_of[r];
  }
  rows = brought_to_owners(comm, rows, owners);
  std::sort(rows.begin(), rows.end());

  Searches result;
  result.queries = Partition::even(queries.total, comm.size());
  result.texts =
      strings_by_owner(comm, result.queries, queries.index_of_slot, std::exchange(log.query_texts, {}));
  const Range mine = owners.range(comm.rank());
  auto row = rows.begin();
  for (Count user = mine.begin; user < mine.end; ++user) {
    for (; row != rows.end() && row->user == user; ++row) {
      result.query.push_back(row->query);
      result.item.push_back(row->item);
      result.time.push_back(row->time);
    }
    result.offsets.push_back(static_cast<Count>(result.query.size()));
  }
  return result;
}

}  // namespace pushcart::detail
