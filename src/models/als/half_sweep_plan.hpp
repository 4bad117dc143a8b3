#pragma once

#include <span>
#include <vector>

#include "models/als/observed_rows.hpp"
#include "models/als/row_method.hpp"
#include "models/als/row_solver.hpp"
#include "models/als/shared_rows.hpp"
#include "models/als/work_shares.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::als {

/// How the rows of one side are solved.
struct HalfSweepSettings {
  Count k = 0;
  Count heavy_length = 4096;  ///< rows with so many entries are solved in parts, by all threads and ranks
  SolverSettings solver;
  SharingSettings sharing = {};  ///< with replicate, where ranks share a node
};

/// Without sharing, and with it where a training has it.
HalfSweepSettings half_sweep_settings(const AlsConfig& config);
HalfSweepSettings training_settings(const AlsConfig& config);

/// How its heavy rows are solved. Local.
RowMethod heavy_method_of(const HalfSweepSettings& settings);

/// Multiply-adds of solving a row of so many entries, and of rotating what it starts from. Local.
double cost_of(const HalfSweepSettings& settings, Count length);
double start_cost_of(const HalfSweepSettings& settings, Count length);
/// What the work is shared by. Local.
WorkCosts costs_of(const HalfSweepSettings& settings);

/// Who solves what in the half sweeps of one side. Collective.
WorkShares share_half_sweep(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                            const HalfSweepSettings& settings, HeavyBlocks heavy_blocks);

/// The same for every rank of a job, for planning one. Local. @param observed  by rank
std::vector<WorkShares> share_half_sweep_of_all(std::span<const ObservedRows> observed,
                                                const Partition& fixed, const HalfSweepSettings& settings,
                                                HeavyBlocks heavy_blocks);

/// The most entries that a solver sees at once, at least 1. Local.
Count longest_plain_row(const WorkShares& shares);

/// The rows that a rank offers to its node. Local.
SharedRows::Offer shared_offer(const WorkShares& shares, const HalfSweepSettings& settings);

/// By granule of a rank's rows of `num_rows`: not zero if some row of it is solved by conjugate gradients,
/// which start from what is there. Local.
std::vector<char> granules_with_gradients(const SparseRows& rows, Count num_rows,
                                          const HalfSweepSettings& settings);

/// What a half sweep cannot do without on a rank that owns so many rows of the fixed side, rotates so many of
/// both, and gathers a row for each of `num_gathered` entries. Local.
HalfSweepWork half_sweep_work(Count num_own_fixed_rows, Count num_rotated, Count num_gathered,
                              const HalfSweepSettings& settings);
/// Rows of `num_rows` that lie in granules with gradients, of `num_own` owned ones. Local.
Count num_start_rows(const std::vector<char>& granules, Count num_rows, Count num_own);

}  // namespace pushcart::als
