#include "models/als/memory.hpp"

#include <omp.h>

#include <algorithm>

#include "models/als/attribute_side.hpp"
#include "models/als/prior_means.hpp"

namespace pushcart::als {

TrainingSizes sizes_of(const Dataset& dataset, const HalfSweepSettings& settings, int rank,
                       const WorkShares& users, const WorkShares& items, const MappedValues& mapped) {
  TrainingSizes sizes;
  sizes.mapped = mapped;
  sizes.users = dataset.users.range(rank).size();
  sizes.items = dataset.items.range(rank).size();
  sizes.entries = dataset.by_user.num_entries() + dataset.by_item.num_entries();
  const RowMethod heavy_method = heavy_method_of(settings);
  for (const WorkShares* side : {&users, &items}) {
    sizes.longest_row = std::max(sizes.longest_row, longest_plain_row(*side));
    sizes.granule = std::max(sizes.granule, Partition::granule(side->rows.num_columns()));
    sizes.borrowed_entries += side->rows.borrowed().num_entries();
    sizes.heavy_and_lent_bytes +=
        HeavyRows::memory_bytes(*side, heavy_method, settings.k) + LentRows::memory_bytes(*side, settings.k);
  }
  if (mapped.users) sizes.lent_means_bytes += PriorMeans::memory_bytes(users, settings.k);
  if (mapped.items) sizes.lent_means_bytes += PriorMeans::memory_bytes(items, settings.k);
  return sizes;
}

Count shared_rows_bytes(const WorkShares& users, const WorkShares& items, const HalfSweepSettings& settings) {
  if (settings.sharing.part <= 0) return 0;
  return shared_offer(users, settings).memory_bytes(settings.k) +
         shared_offer(items, settings).memory_bytes(settings.k);
}

bool has_room_to_share(const SharingTask& task, Count budget_bytes, Count shared_room_bytes) {
  return (budget_bytes == 0 || task.other_bytes + task.rank_bytes <= budget_bytes) &&
         task.node_bytes + task.table_bytes < shared_room_bytes;
}

namespace {

void plan_maps(MemoryPlan& plan, const TrainingSizes& sizes, const AlsConfig& config) {
  const auto bytes_of = [&](const std::optional<Count>& values, Count rows) {
    return values ? AttributeSide::memory_bytes(*values, rows, config.k, config.attribute_map) : 0;
  };
  const Count users = bytes_of(sizes.mapped.users, sizes.users);
  const Count items = bytes_of(sizes.mapped.items, sizes.items);
  if (config.attribute_map == AttributeFit::joint) {
    plan.add("maps from attributes to factors", users + items);
    plan.add("means of lent rows", sizes.lent_means_bytes);
  } else {
    // They are made one after the other.
    plan.add("map from attributes to factors", std::max(users, items));
  }
}

}  // namespace

MemoryPlan plan_memory(const TrainingSizes& sizes, const AlsConfig& config, const AlsObjective& objective) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count k = config.k, threads = omp_get_max_threads();
  const Count rows = sizes.users + sizes.items, entries = sizes.entries;
  MemoryPlan plan;
  plan.add("factors", rows * k * float_bytes);
  if (config.patience > 0) plan.add("factors of the best sweep", rows * k * float_bytes);
  if (!config.event_weights.empty()) {
    plan.add("interactions of the chosen event types", entries * Count{sizeof(Count) + sizeof(float)});
  }
  if (objective.target == AlsTarget::ratings || config.transform != ValueTransform::identity) {
    plan.add("targets", entries * float_bytes);
  }
  plan.add("places of gathered rows", (entries + sizes.borrowed_entries) * Count{sizeof(std::int32_t)} +
                                          rows * Count{sizeof(RowPiece) + sizeof(std::int32_t)});
  // Every rank names the same parts.
  plan.add("rows worked on for others", sizes.borrowed_entries * Count{sizeof(Count) + sizeof(float)});
  plan.add("heavy and lent rows", sizes.heavy_and_lent_bytes);
  if (config.gather_precision != GatherPrecision::float32) {
    plan.add("factors as stored", rows * stored_width(config.gather_precision, k) * float_bytes);
  }
  plan.add("solvers", 2 * threads * RowSolver::scratch_bytes(k, sizes.longest_row));
  plan.add("Gram matrix", k * k * (threads * (double_bytes + float_bytes) + 4 * double_bytes) +
                              threads * sizes.granule * k * float_bytes);
  plan.add("outcomes by row", rows * Count{sizeof(RowOutcome)});
  if (sizes.mapped.users || sizes.mapped.items) plan_maps(plan, sizes, config);
  return plan;
}

}  // namespace pushcart::als
