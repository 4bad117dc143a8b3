#include "models/als/memory.hpp"

#include <omp.h>

#include <algorithm>

#include "models/als/block_kernels.hpp"
#include "models/als/row_solver.hpp"

namespace pushcart::als {

MemoryPlan plan_memory(const Dataset& dataset, const AlsConfig& config, const AlsObjective& objective,
                       int rank) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count k = config.k, threads = omp_get_max_threads();
  const Count rows = dataset.users.range(rank).size() + dataset.items.range(rank).size();
  const Count entries = dataset.by_user.num_entries() + dataset.by_item.num_entries();
  Count longest = 1;
  for (const SparseRows* side : {&dataset.by_user, &dataset.by_item}) {
    for (Count row = 0; row < side->num_rows(); ++row) longest = std::max(longest, side->row_length(row));
  }
  longest = std::min(longest, config.split_length);

  MemoryPlan plan;
  plan.add("factors", rows * k * float_bytes);
  if (config.patience > 0) plan.add("factors of the best sweep", rows * k * float_bytes);
  if (!config.event_weights.empty()) {
    plan.add("interactions of the chosen event types", entries * Count{sizeof(Count) + sizeof(float)});
  }
  if (objective.target == AlsTarget::ratings || config.transform != ValueTransform::identity) {
    plan.add("targets", entries * float_bytes);
  }
  plan.add("places of gathered rows", entries * Count{sizeof(std::int32_t)});
  const Count others = dataset.users.num_ranks() - 1;
  // Of each side at most a batch comes in, and never more rows than the other ranks own; at most two batches
  // go out, and never more than the own rows to every other rank.
  const Count remote_rows = dataset.num_users() + dataset.num_items() - rows;
  const Count row_bytes = k * float_bytes;
  if (others > 0) {
    plan.add("fetched rows", std::min(2 * config.batch_bytes, remote_rows * row_bytes));
    plan.add("rows sent", std::min(2 * config.batch_bytes, rows * others * row_bytes));
  }
  plan.add("solvers", 2 * threads * RowSolver::scratch_bytes(k, longest));
  const Count wide = panelled(k);
  plan.add("Gram matrix", (threads + 4) * wide * wide * double_bytes + 2 * wide * k * float_bytes +
                              threads * 256 * wide * float_bytes);
  if (config.gather_precision != GatherPrecision::float32) {
    plan.add("rows as they are read", rows * stored_width(config.gather_precision, k) * float_bytes);
  }
  plan.add("losses by row", rows * 2 * double_bytes);
  return plan;
}

}  // namespace pushcart::als
