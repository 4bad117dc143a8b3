#include <algorithm>
#include <array>

#include "pushcart/topn/list_plan.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

void plan_top_items(const Communicator& comm, MemoryPlan& plan, const Model& model, Count num_rows,
                    Count num_excluded, Count n) {
  ListSizes sizes;
  sizes.rows = num_rows;
  sizes.excluded = num_excluded;
  sizes.all_rows = comm.sum(num_rows);
  sizes.num_ranks = comm.size();
  const bool lends = lends_rows(num_rows, sizes.all_rows, sizes.num_ranks);
  sizes.lenders_rows = comm.sum(lends ? num_rows : 0);
  sizes.lenders_excluded = comm.sum(lends ? num_excluded : 0);
  sizes.lenders_own_items = comm.sum(lends && model.user_items ? model.user_items->num_entries() : 0);
  sizes.num_items = model.items.num_rows();
  sizes.num_columns = model.item_factors.num_columns;
  sizes.has_item_weights = comm.any(model.item_weights || model.user_items);
  sizes.own_weights = model.item_weights ? model.item_weights->num_entries() : 0;
  sizes.remote_weights = comm.sum(sizes.own_weights) - sizes.own_weights;
  plan_lists(plan, sizes, n);
}

ScoringReport sum_over_ranks(const Communicator& comm, const ScoringReport& mine) {
  std::array<Count, 5> sums{mine.pairs, mine.scored, mine.skipped, mine.num_threads, mine.received_bytes};
  comm.allreduce(std::span<Count>(sums), Reduce::sum);
  ScoringReport all = mine;
  all.pairs = sums[0];
  all.scored = sums[1];
  all.skipped = sums[2];
  all.num_threads = static_cast<int>(sums[3]);
  all.received_bytes = sums[4];
  all.seconds = comm.allreduce(mine.seconds, Reduce::max);
  return all;
}

}  // namespace pushcart
