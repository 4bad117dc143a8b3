#include <omp.h>

#include <algorithm>

#include "pushcart/checkpoint/batch_pace.hpp"
#include "pushcart/topn/list_plan.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/request_parts.hpp"

namespace pushcart {

namespace {

/// Positions of the users who are not served yet.
std::vector<Count> left_of(const TopRequest& request, const RowLists& done) {
  std::vector<Count> left;
  for (Count n = 0; n < static_cast<Count>(request.users.size()); ++n) {
    const Count user = request.users[static_cast<std::size_t>(n)];
    if (!std::binary_search(done.rows.begin(), done.rows.end(), user)) left.push_back(n);
  }
  return left;
}

/// Users of a rank in the first batch. Collective.
Count first_users(const Communicator& comm, const Model& model, const TopRequest& request) {
  const Count num_users = comm.allreduce(static_cast<Count>(request.users.size()), Reduce::max);
  const Count num_factors = comm.allreduce(model.item_factors.num_columns, Reduce::max);
  return first_batch_users(num_users, model.items.num_rows(), num_factors,
                           comm.allreduce(omp_get_max_threads(), Reduce::min));
}

RowLists taken_from(TopLists&& lists) {
  return {std::move(lists.rows), std::move(lists.offsets), std::move(lists.items), std::move(lists.scores)};
}

}  // namespace

TopLists top_items_in_batches(const Communicator& comm, const Model& model, const Dataset& dataset,
                              const TopRequest& request, RowCheckpoints& checkpoints,
                              const ListSearch& search) {
  RowLists done = checkpoints.resume(dataset.users.range(comm.rank()), dataset.num_items());
  const std::vector<Count> left = left_of(request, done);
  const auto num_left = static_cast<Count>(left.size());
  BatchPace pace(checkpoints.batch_rows(), first_users(comm, model, request));
  ScoringReport scoring;
  for (Count begin = 0; comm.any(begin < num_left);) {
    const Count end = std::min(num_left, begin + pace.rows());
    pace.begin();
    const bool is_all = end - begin == static_cast<Count>(request.users.size());  // needs no copy
    TopLists lists = is_all ? search(request)
                            : search(detail::part_of(request, {left.begin() + begin, left.begin() + end}));
    detail::add(scoring, lists.scoring);
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
  all.source_names = {model.family};
  all.sources.assign(all.items.size(), 0);
  all.scoring = std::move(scoring);
  return all;
}

}  // namespace pushcart
