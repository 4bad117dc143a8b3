#pragma once

#include <functional>
#include <span>
#include <vector>

#include "models/als/row_solver.hpp"
#include "models/als/stored_rows.hpp"
#include "models/als/work_shares.hpp"
#include "pushcart/base/sum_grid.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::als {

/// What solvers of heavy rows share: heavy rows are worked on in parts, a part a rank, a part in tasks for
/// the threads, a task in blocks: the entries of a row whose columns are in one granule of the fixed side's
/// partition. What is summed over a block is rounded to a grid on which all further sums are exact, so that
/// no result knows who summed what (design, sections 4 and 5).

/// A half sweep's fixed side, and its regularization.
struct FixedSide {
  GatheredRows rows;  ///< in the eigenbasis
  GatherPrecision precision = GatherPrecision::float32;
  std::span<const std::int32_t> positions;  ///< of the entries of WorkShares::rows
  double largest_norm = 0;                  ///< of any row of the whole table, squared
  double alpha0 = 0;
  std::span<const double> eigenvalues;
};

/// What solvers ask for and tell while they run.
struct HeavyCallbacks {
  /// Weights and targets of entries [begin, begin + count) of WorkShares::rows. Any thread.
  std::function<void(Count begin, Count count, float* weights, float* targets)> observe;
  std::function<double(Count row)> regularization;  ///< of a local row
  /// What became of a local row, and its sum of w (z.x - t)^2.
  std::function<void(Count row, Solved solved, double observed)> finish;
  std::function<void()> progress;  ///< called by the main thread now and then
  /// What a local row's right side Z'Wt has beside it, k numbers; absent = nothing.
  std::function<std::vector<double>(Count row)> pull = {};
};

struct HeavyTask {
  std::size_t part = 0;      // in WorkShares::parts
  Count begin = 0, end = 0;  // of the part's entries, whole blocks
};

/// Tasks of some thousand entries of parts [first_part, last_part), of those that `wanted` says. Local.
std::vector<HeavyTask> heavy_tasks(const WorkShares& shares, std::size_t first_part, std::size_t last_part,
                                   const std::function<bool(std::size_t part)>& wanted);

/// Calls use(begin, end) for the task's blocks: entries of the part.
template <class Use>
void for_each_block(const WorkShares& shares, const HeavyTask& task, Use&& use) {
  const Count granule = Partition::granule(shares.rows.num_columns());
  const auto columns = shares.rows.columns(shares.parts[task.part].row);
  for (Count begin = task.begin, end = begin; begin < task.end; begin = end) {
    const Count number = columns[static_cast<std::size_t>(begin)] / granule;
    while (end < task.end && columns[static_cast<std::size_t>(end)] / granule == number) ++end;
    use(begin, end);
  }
}

/// The grid of sums that stay below `reach`, with room for the rounding of every block. Sums that may not be
/// finite have none, and their rows no solution.
SumGrid grid_within(double reach);

/// The largest squared norm of any row of a distributed table, equal on all ranks. Collective.
double largest_squared_norm(const Communicator& comm, const FactorTable& table);

}  // namespace pushcart::als
