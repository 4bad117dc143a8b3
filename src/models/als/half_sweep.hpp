#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "models/als/eigenbasis.hpp"
#include "models/als/half_sweep_plan.hpp"
#include "models/als/heavy_rows.hpp"
#include "models/als/lent_rows.hpp"
#include "models/als/observed_rows.hpp"
#include "models/als/prior_means.hpp"
#include "models/als/row_solver.hpp"
#include "models/als/stored_rows.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::als {

/// Whether a half sweep also takes the objective's first two terms, from the rows it has at hand.
enum class Loss : int { skip, measure };

/// What a half sweep leaves beside the solved rows. Equal on all ranks but for the seconds.
struct HalfSweepOutcome {
  Count num_unsolved = 0;     ///< rows without a solution; they are zero
  Count first_unsolved = -1;  ///< global; -1 = none
  double observed = 0;        ///< sum over observed of w (x.y - t)^2
  double unobserved = 0;      ///< alpha0 * sum over all pairs of (x.y)^2
  HalfSweepSeconds seconds;   ///< of this rank
};

/// Solves all rows of one side with the other side fixed: Gram matrix, eigenbasis, rotation of the fixed
/// side, then this rank's share of the rows in batches as the exchange brings what they need, then the heavy
/// rows. Planned once, run every sweep.
class HalfSweep {
 public:
  /// Collective. `observed` must outlive this; its rows are this rank's part of `num_rows`, its columns the
  /// rows of the fixed side, owned as `fixed` says. `shares` are those of share_half_sweep; with
  /// HeavyBlocks::anywhere the exchange's method must not be stream.
  HalfSweep(const Communicator& comm, const ObservedRows& observed, Count num_rows, const Partition& fixed,
            const AlsObjective& objective, const HalfSweepSettings& settings, WorkShares shares,
            const ExchangeSettings& exchange);
  HalfSweep(const HalfSweep&) = delete;
  HalfSweep& operator=(const HalfSweep&) = delete;

  /// Rotates `fixed` in place and fills `solved`, both then in the same basis. On entry both are in one
  /// basis: the rows of `solved` are where conjugate gradients start. Collective. NumericError, on all ranks,
  /// if the fixed side's Gram matrix is not finite, or singular while nothing else keeps rows solvable.
  /// @param means  what the rows of `solved` are pulled to, in the same basis on entry and on return; absent:
  ///               0. In all runs or in none.
  HalfSweepOutcome run(FactorTable& fixed, FactorTable& solved, Loss loss, FactorTable* means = nullptr);

  /// Rows as the last run left them, in the basis that the two sides had before it. Local.
  void rotate_back(FactorTable& solved) const;

  /// rho_u of a row with so many entries.
  double regularization(Count row_length) const;
  Count num_solved_in_double() const;
  Count num_gradient_rows() const;  ///< of all runs so far, on this rank; so are the steps
  Count num_gradient_steps() const;
  HalfSweepWork work() const;
  const WorkShares& shares() const { return shares_; }

  /// Bytes of factor rows, lent rows and sums of heavy rows on this rank in all runs so far: as planned, for
  /// the runs and the steps of heavy rows that there were, and as counted.
  Traffic planned_traffic() const;
  Traffic counted_traffic() const;
  /// Work done in all runs so far for the rows that are this rank's share, in multiply-adds as predicted;
  /// rows that others of the node took are the share of who offered them.
  double counted_work() const;
  /// Done here for others of the node in all runs so far.
  TakenWork taken_work() const;

 private:
  /// Rows of a batch, the heaviest first, in tasks of like work for the threads.
  struct Schedule {
    std::vector<std::int32_t> order;       // pieces
    std::vector<std::int32_t> task_begin;  // positions in order, one more than tasks
  };
  std::vector<char> share_rows();
  /// @param is_shared  by own row: not zero if it is not among them; or empty
  Schedule schedule(std::span<const RowPiece> pieces, std::span<const char> is_shared) const;
  std::span<const RowPiece> plain_pieces(Count batch) const;
  Eigenbasis take_basis(const FactorTable& fixed, HalfSweepSeconds& seconds) const;
  void prepare(FactorTable& solved, const Eigenbasis& basis);
  std::span<const float> stored(const FactorTable& fixed);
  void solve_rows(std::span<const float> table, const Eigenbasis& basis, double largest_norm,
                  FactorTable& solved, Loss loss, HalfSweepSeconds& seconds);
  Count num_tasks() const;
  Count num_tasks(Count batch) const;
  /// @param on_task  called by the main thread with the number of a task that is done
  void solve_batch(Count batch, const GatheredRows& rows, FactorTable& solved, Loss loss,
                   const std::function<void(Count)>& on_task);
  void solve_piece(RowSolver& solver, const RowPiece& piece, const GatheredRows& rows, FactorTable& solved,
                   const RowSolver::Finish& finish);
  void solve_shared_rows(const GatheredRows& rows, Loss loss);
  void solve_heavy_rows(const GatheredRows& rows, double largest_norm, FactorTable& solved, Loss loss);
  void bring_entries(const RowPiece& piece) const;
  void observe(Count begin, Count count, float* weights, float* targets) const;
  void finish_row(Count row, Solved outcome, double observed, std::span<float> x, Loss loss);
  void set_outcome(RowOutcome& outcome, Solved solved, double observed, std::span<float> x, Loss loss) const;
  HalfSweepOutcome collect(Loss loss) const;

  const Communicator& comm_;
  const ObservedRows& observed_;
  const Count num_rows_, num_fixed_rows_, num_own_fixed_rows_, k_;
  const AlsObjective objective_;
  const HalfSweepSettings settings_;
  WorkShares shares_;
  ObservedRows borrowed_;
  FactorExchange exchange_;
  LentRows lent_;
  std::optional<SharedRows> shared_;
  std::optional<PriorMeans> prior_;  // from the first run with means
  HeavyRows heavy_;
  std::vector<Schedule> schedules_;  // by batch
  std::vector<RowSolver> solvers_;   // by thread
  std::vector<double> eigenvalues_;  // of the last run, as the vectors
  std::vector<float> eigenvectors_;
  std::vector<float> stored_;   // the fixed side as it is read, unless that is as it is
  std::vector<char> is_start_;  // by granule of solved rows: some row's iteration starts from what is there
  std::vector<RowOutcome> outcomes_;  // by owned row
  std::vector<double> work_;          // by thread
  std::vector<TakenWork> taken_;      // by thread
  Count num_gathered_ = 0, num_runs_ = 0;
};

/// sum over all rows of rho |row|^2, exact for any number of ranks. Collective.
double weighted_norms(const Communicator& comm, const HalfSweep& sweep, const SparseRows& rows,
                      const FactorTable& table, Count num_rows);

}  // namespace pushcart::als
