#include <omp.h>

#include <algorithm>
#include <array>

#include "pushcart/topn/top_items.hpp"
#include "topn/query_batch.hpp"

namespace pushcart {

void plan_top_items(const Communicator& comm, MemoryPlan& plan, const Model& model, Count num_rows,
                    Count num_excluded, Count n) {
  const Count num_ranks = comm.size(), all_rows = comm.sum(num_rows), all_excluded = comm.sum(num_excluded);
  const Count borrowed = std::max<Count>(0, (all_rows + num_ranks - 1) / num_ranks - num_rows);
  const Count excluded_a_row = all_excluded / std::max<Count>(1, all_rows) + 1;
  const Count num_columns = model.item_factors.num_columns;
  n = std::min(n, model.items.num_rows());
  constexpr Count widest_multiple = 64;  // of the columns of codes
  const Count code_columns = (num_columns + widest_multiple - 1) / widest_multiple * widest_multiple;
  const Count block_rows = detail::ItemTour::block_items;
  plan.add("lists", num_rows * n * Count{sizeof(Count) + sizeof(float) + 1});
  if (num_ranks > 1) {
    plan.add("rows served for others",
             borrowed * (num_columns * 4 + 2 * excluded_a_row * Count{sizeof(Count) + sizeof(float)} +
                         n * Count{sizeof(Count) + sizeof(float)}));
  }
  num_rows += borrowed;
  plan.add("best items so far", num_rows * (detail::TopBuffer::room(n) * Count{sizeof(detail::RankKey)} +
                                            Count{sizeof(detail::Query)}));
  plan.add("8-bit codes of the rows", num_rows * code_columns);
  plan.add("blocks of items", block_rows * (2 * (num_columns * 4 + 12) + code_columns + 40));
  const Count sample_rows =
      std::min(detail::most_first_items, detail::most_first_factors / std::max<Count>(1, num_columns));
  plan.add("items with which lists begin", sample_rows * (3 * (num_columns * 4 + 12) + code_columns + 40));
  plan.add("tiles of their scores", Count{omp_get_max_threads()} * 36 * sample_rows * 4);
  plan.add("tiles of scores", Count{omp_get_max_threads()} * 512 * (block_rows + num_columns) * 4);
  if (!model.item_weights.has_value()) return;
  plan.add("sums of item weights",
           Count{omp_get_max_threads()} * 512 * block_rows * Count{sizeof(double) + sizeof(float)});
  if (model.items.num_ranks() == 1) return;
  // Received, and a copy for the owners' answers.
  plan.add("item weights of other ranks",
           2 * detail::max_fetched_entries * Count{sizeof(Count) + sizeof(float)});
}

ScoringReport sum_over_ranks(const Communicator& comm, const ScoringReport& mine) {
  std::array<Count, 4> sums{mine.pairs, mine.scored, mine.skipped, mine.num_threads};
  comm.allreduce(std::span<Count>(sums), Reduce::sum);
  ScoringReport all = mine;
  all.pairs = sums[0];
  all.scored = sums[1];
  all.skipped = sums[2];
  all.num_threads = static_cast<int>(sums[3]);
  all.seconds = comm.allreduce(mine.seconds, Reduce::max);
  return all;
}

}  // namespace pushcart
