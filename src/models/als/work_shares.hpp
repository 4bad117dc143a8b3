#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "models/als/observed_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/work_rows.hpp"

namespace pushcart::als {

/// What work costs, in multiply-adds, and what moving it costs, in bytes.
struct WorkCosts {
  std::function<double(Count length)> row;  ///< a row that one thread solves
  /// What its owner does for a row before it is solved, here or elsewhere.
  std::function<double(Count length)> start = [](Count) { return 0.0; };
  /// Rows at least so long are heavy: summed over blocks of columns, by as many ranks as it takes.
  Count heavy_length = 4096;
  /// Of one round over a heavy row's entries, and how many rounds there usually are.
  double heavy_entry = 0, heavy_block = 0, heavy_row = 0, heavy_rounds = 1;
  Count row_bytes = 0;   ///< of a row of the fixed side
  Count part_bytes = 0;  ///< of one rank's part of a heavy row
};

/// Who may sum a block of a heavy row.
enum class HeavyBlocks : int {
  anywhere,        ///< whoever has time; the rows it needs are fetched
  at_column_owner  ///< only who owns the block's columns: nothing is fetched for heavy rows
};

/// Which rank works on what in a half sweep, so that predicted work is even: rows are solved by their owner,
/// unless that one has more to do than the mean; heavy rows are summed in parts. Never of influence on a
/// result, only on when and where it comes to be.
struct WorkShares {
  explicit WorkShares(const SparseRows& own) : rows(own) {}

  /// Own rows that are solved here; then whole rows lent by others; then parts of heavy rows.
  WorkRows rows;
  std::vector<float> borrowed_values;  ///< by borrowed entry
  std::vector<float> borrowed_shifts;  ///< likewise, if the rows have shifts
  Count num_lent_here = 0;             ///< whole rows lent by others
  std::vector<Count> lent_here;        ///< of these, by owning rank
  std::vector<Count> lent_away;        ///< own rows solved elsewhere, by rank
  std::vector<Count> lent_rows;        ///< those rows (local), by rank

  /// A heavy row's bounds for the grid on which its sums are exact.
  struct Bounds {
    double weights = 0;  ///< sum of w
    double targets = 0;  ///< sum of w |t|
  };
  struct Part {
    Count heavy = 0;  ///< number of the heavy row in the job
    Count row = 0;    ///< in `rows`
    int owner = 0;
    Bounds bounds;
  };
  struct HeavyRow {
    Count heavy = 0;
    Count row = 0;  ///< local
    Bounds bounds;
    double target_squares = 0;      ///< sum of w t^2
    std::vector<int> contributors;  ///< other ranks that have a part, ascending
    bool owner_has_part = false;
    bool has_part(int rank, int owner) const {
      return rank == owner ? owner_has_part : std::ranges::binary_search(contributors, rank);
    }
  };
  std::vector<Part> parts;             ///< worked on here, by ascending heavy row
  std::vector<HeavyRow> heavy_rows;    ///< owned, ascending
  Count num_heavy = 0;                 ///< in the job
  Count num_lent = 0;                  ///< whole rows lent in the job
  std::vector<double> predicted_work;  ///< by rank

  Count num_plain_rows() const { return rows.num_own_rows() + num_lent_here; }
};

/// Collective. @param observed  this rank's rows; must outlive the result
/// @param fixed  owners of the columns
WorkShares share_work(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                      const WorkCosts& costs, HeavyBlocks heavy_blocks);

/// What share_work would give to every rank of a job, for planning one: without shifts. Local.
/// @param observed  by rank; must outlive the result
std::vector<WorkShares> share_work_of_all(std::span<const ObservedRows> observed, const Partition& fixed,
                                          const WorkCosts& costs, HeavyBlocks heavy_blocks);

}  // namespace pushcart::als
