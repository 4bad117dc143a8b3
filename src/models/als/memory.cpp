#include "models/als/memory.hpp"

#include <omp.h>

#include <algorithm>

#include "models/als/half_sweep.hpp"

namespace pushcart::als {

MemoryPlan plan_memory(const Dataset& dataset, const AlsConfig& config, const AlsObjective& objective,
                       int rank, const WorkShares& users, const WorkShares& items) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count k = config.k, threads = omp_get_max_threads();
  const Count rows = dataset.users.range(rank).size() + dataset.items.range(rank).size();
  const Count entries = dataset.by_user.num_entries() + dataset.by_item.num_entries();
  Count longest = 1, granule = 1, borrowed_entries = 0, side_by_side = 0;
  const RowMethod heavy_method = heavy_method_of(
      {k, config.split_length, {config.solver, config.cg_tolerance, config.gather_precision}});
  for (const WorkShares* side : {&users, &items}) {
    for (Count row = 0; row < side->num_plain_rows(); ++row) {
      if (side->rows.is_here(row)) longest = std::max(longest, side->rows.row_length(row));
    }
    granule = std::max(granule, Partition::granule(side->rows.num_columns()));
    borrowed_entries += side->rows.borrowed().num_entries();
    side_by_side += HeavyRows::memory_bytes(*side, heavy_method, k) + LentRows::memory_bytes(*side, k);
  }

  MemoryPlan plan;
  plan.add("factors", rows * k * float_bytes);
  if (config.patience > 0) plan.add("factors of the best sweep", rows * k * float_bytes);
  if (!config.event_weights.empty()) {
    plan.add("interactions of the chosen event types", entries * Count{sizeof(Count) + sizeof(float)});
  }
  if (objective.target == AlsTarget::ratings || config.transform != ValueTransform::identity) {
    plan.add("targets", entries * float_bytes);
  }
  plan.add("places of gathered rows", (entries + borrowed_entries) * Count{sizeof(std::int32_t)} +
                                          (dataset.by_user.num_rows() + dataset.by_item.num_rows()) *
                                              Count{sizeof(RowPiece) + sizeof(std::int32_t)});
  // Every rank names the same parts.
  plan.add("rows worked on for others", borrowed_entries * Count{sizeof(Count) + sizeof(float)});
  plan.add("heavy and lent rows", side_by_side);
  if (config.gather_precision != GatherPrecision::float32) {
    plan.add("factors as stored", rows * stored_width(config.gather_precision, k) * float_bytes);
  }
  plan.add("solvers", 2 * threads * RowSolver::scratch_bytes(k, longest));
  plan.add("Gram matrix", k * k * (threads * (double_bytes + float_bytes) + 4 * double_bytes) +
                              threads * granule * k * float_bytes);
  plan.add("outcomes by row", rows * Count{sizeof(RowOutcome)});
  return plan;
}

}  // namespace pushcart::als
