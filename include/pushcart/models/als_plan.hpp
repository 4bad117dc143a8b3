#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart {

/// The nodes of a job that is planned: ranks go to them in order, so many to each.
struct PlannedNodes {
  Count ranks_per_node = 1;
  Count shared_bytes = 0;  ///< of memory that the ranks of a node may share
};

/// What a training would take of one rank; bytes and work in one sweep.
struct AlsRankPlan {
  MemoryPlan memory;         ///< beside the data set; its share of what the node shares
  /// What the node shares in all, which each rank has in sight: of the last part, and with it what others
  /// have of shared rows.
  Count shared_bytes = 0;
  Count received_bytes = 0;  ///< factor rows and lent rows; exactly what will be counted
  Count heavy_received_bytes =
      0;                    ///< sums of heavy rows: by Cholesky exact, by gradients for their usual steps
  double solving_work = 0;  ///< multiply-adds by the cost model
  HalfSweepWork floor;      ///< of both half sweeps
};

struct AlsPlan {
  ExchangeMethod exchange = ExchangeMethod::sparse;
  std::vector<AlsRankPlan> ranks;
  Count num_heavy_rows = 0, num_lent_rows = 0;
};

/// Values that the map of each side from attributes to factors knows; none = that side has no map.
struct MappedValues {
  std::optional<Count> users, items;
};
/// Of a training with `config.attributes`. Collective over a communicator of one rank; ConfigError as
/// train_als. @param whole  the data set as one rank holds it
MappedValues mapped_values(const Communicator& alone, const Dataset& whole, const AlsConfig& config);

/// What train_als would plan, on each rank of a job, by the functions that it plans with. Threads are those
/// of OpenMP here. `memory_budget_bytes` takes part in the choice of the exchange and refuses nothing; event
/// weights and a start are not looked at. ConfigError as train_als. Local.
/// @param parts  the data set of each rank (cut_dataset)  @param mapped  of them together
AlsPlan plan_als(std::span<const Dataset> parts, const AlsConfig& config, const PlannedNodes& nodes,
                 const MappedValues& mapped = {});

/// One side of a rank's part of a data set that is not there yet.
struct ExpectedSide {
  Count rows = 0;            ///< owned
  Count entries = 0;         ///< of the owned rows
  Count remote_columns = 0;  ///< distinct columns of these that other ranks own
  Count longest_row = 1;
  Count start_rows = 0;     ///< in granules some of whose rows are solved by conjugate gradients
  double solving_work = 0;  ///< multiply-adds of its rows, by the cost model
};
struct ExpectedPart {
  ExpectedSide users, items;
};

/// The same from expected sizes: nothing is lent, and no row is heavy. Local. @param parts  by rank
AlsPlan plan_als(std::span<const ExpectedPart> parts, ValueKind value_kind, const AlsConfig& config,
                 const PlannedNodes& nodes);

/// Work, and whether conjugate gradients solve it, of a row with so many entries. Local.
struct AlsRowCost {
  double work = 0;
  bool by_gradients = false;
};
AlsRowCost cost_of_als_row(const AlsConfig& config, Count row_length);

}  // namespace pushcart
