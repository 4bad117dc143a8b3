#pragma once

#include "models/als/half_sweep.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/als_plan.hpp"

namespace pushcart::als {

/// The sizes on a rank that the memory of a training depends on.
struct TrainingSizes {
  Count users = 0, items = 0;      ///< owned
  Count entries = 0;               ///< of both matrices
  Count borrowed_entries = 0;      ///< of rows worked on for others, both sides
  Count longest_row = 1;           ///< that one thread solves
  Count granule = 1;               ///< rows of the larger granule
  Count heavy_and_lent_bytes = 0;  ///< of heavy and lent rows
  MappedValues mapped;
  Count lent_means_bytes = 0;  ///< means of lent rows of the sides that have a map
};

/// Local.
TrainingSizes sizes_of(const Dataset& dataset, const HalfSweepSettings& settings, int rank,
                       const WorkShares& users, const WorkShares& items, const MappedValues& mapped);

/// Bytes of what a rank shares of both sides with its node. Local.
Count shared_rows_bytes(const WorkShares& users, const WorkShares& items, const HalfSweepSettings& settings);

/// What a node's memory holds if its ranks share rows, in bytes.
struct SharingTask {
  Count rank_bytes = 0, node_bytes = 0;  ///< of shared rows: this rank's, and those of all of the node
  Count table_bytes = 0;                 ///< of the fixed side, which the node shares, too
  Count other_bytes = 0;                 ///< planned on this rank beside
};
/// Whether a rank's budget (0 = none) and the node's room suffice. Local.
bool has_room_to_share(const SharingTask& task, Count budget_bytes, Count shared_room_bytes);

/// What a training holds on a rank beside the dataset, the rows that it shares and the exchange's rows of
/// other ranks. Local.
MemoryPlan plan_memory(const TrainingSizes& sizes, const AlsConfig& config, const AlsObjective& objective);

}  // namespace pushcart::als
