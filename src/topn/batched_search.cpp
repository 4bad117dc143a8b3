#include "topn/batched_search.hpp"

#include <omp.h>

#include <algorithm>

#include "pushcart/checkpoint/batch_pace.hpp"
#include "pushcart/topn/list_plan.hpp"
#include "topn/request_parts.hpp"

namespace pushcart::detail {

namespace {

/// Positions of the rows that are not served yet.
std::vector<Count> left_of(std::span<const Count> rows, const RowLists& done) {
  std::vector<Count> left;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (!std::binary_search(done.rows.begin(), done.rows.end(), rows[n])) {
      left.push_back(static_cast<Count>(n));
    }
  }
  return left;
}

/// Rows of a rank in the first batch. Collective.
Count first_rows(const Communicator& comm, const BatchedRows& what) {
  return first_batch_rows(comm.allreduce(static_cast<Count>(what.rows.size()), Reduce::max), what.num_columns,
                          what.num_factors, comm.allreduce(omp_get_max_threads(), Reduce::min));
}

RowLists taken_from(TopLists&& lists) {
  return {
      std::move(lists.rows), std::move(lists.offsets), std::move(lists.items), std::move(lists.scores), {}};
}

}  // namespace

TopLists search_in_batches(const Communicator& comm, const BatchedRows& what, RowCheckpoints& checkpoints,
                           const std::function<TopLists(const std::vector<Count>& positions)>& search,
                           const std::string& source) {
  RowLists done = checkpoints.resume(what.owned, what.num_columns);
  const std::vector<Count> left = left_of(what.rows, done);
  const auto num_left = static_cast<Count>(left.size());
  BatchPace pace(checkpoints.batch_rows(), first_rows(comm, what));
  ScoringReport scoring;
  for (Count begin = 0; comm.any(begin < num_left);) {
    const Count end = std::min(num_left, begin + pace.rows());
    pace.begin();
    TopLists lists = search({left.begin() + begin, left.begin() + end});
    add(scoring, lists.scoring);
    done = done.rows.empty() ? taken_from(std::move(lists)) : united(done, taken_from(std::move(lists)));
    pace.end(comm);
    begin = end;
    if (comm.any(begin < num_left)) checkpoints.between_batches(done);
  }
  TopLists all;
  all.rows = std::move(done.rows);
  all.offsets = std::move(done.offsets);
  all.items = std::move(done.columns);
  all.scores = std::move(done.scores);
  all.source_names = {source};
  all.sources.assign(all.items.size(), 0);
  all.scoring = std::move(scoring);
  return all;
}

}  // namespace pushcart::detail
