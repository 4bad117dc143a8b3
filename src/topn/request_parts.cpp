#include "topn/request_parts.hpp"

#include "pushcart/base/indices_of.hpp"

namespace pushcart::detail {

TopRequest part_of(const TopRequest& request, Range rows) {
  return part_of(request, indices_of(rows));
}

TopRequest part_of(const TopRequest& request, const std::vector<Count>& rows) {
  TopRequest part;
  part.n = request.n;
  part.item_allowed = request.item_allowed;
  for (const Count row : rows) part.users.push_back(request.users[static_cast<std::size_t>(row)]);
  const SparseRows& all = request.excluded;
  if (all.num_rows() == 0) return part;
  part.excluded.rows = {0, static_cast<Count>(rows.size())};
  part.excluded.num_columns = all.num_columns;
  for (const Count row : rows) {
    const auto first = all.offsets[static_cast<std::size_t>(row)],
               last = all.offsets[static_cast<std::size_t>(row) + 1];
    auto& columns = part.excluded.columns;
    auto& values = part.excluded.values;
    columns.insert(columns.end(), all.columns.begin() + first, all.columns.begin() + last);
    values.insert(values.end(), all.values.begin() + first, all.values.begin() + last);
    part.excluded.offsets.push_back(static_cast<Count>(columns.size()));
  }
  return part;
}

void add(ScoringReport& scoring, const ScoringReport& more) {
  scoring.pairs += more.pairs;
  scoring.scored += more.scored;
  scoring.skipped += more.skipped;
  scoring.received_bytes += more.received_bytes;
  scoring.seconds += more.seconds;
  scoring.num_threads = more.num_threads;
  scoring.kernel = more.kernel;
}

void append(TopLists& lists, const TopLists& more) {
  const Count before = lists.offsets.back();
  lists.rows.insert(lists.rows.end(), more.rows.begin(), more.rows.end());
  for (std::size_t row = 1; row < more.offsets.size(); ++row) {
    lists.offsets.push_back(before + more.offsets[row]);
  }
  lists.items.insert(lists.items.end(), more.items.begin(), more.items.end());
  lists.scores.insert(lists.scores.end(), more.scores.begin(), more.scores.end());
  add(lists.scoring, more.scoring);
}

}  // namespace pushcart::detail
