#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "models/als/dense.hpp"
#include "models/als/normal_sums.hpp"
#include "models/als/row_kernels.hpp"
#include "models/als/row_method.hpp"
#include "models/als/stored_rows.hpp"
#include "pushcart/matrix/row_exchange.hpp"

namespace pushcart::als {

/// How rows are solved, and in what form the fixed side's rows come.
struct SolverSettings {
  AlsSolver solver = AlsSolver::exact;
  double cg_tolerance = 1e-3;
  GatherPrecision precision = GatherPrecision::float32;
};

/// One row's entries as a solver sees them.
struct RowEntries {
  GatheredRows rows;                        ///< z_j, k numbers each, in the eigenbasis
  std::span<const std::int32_t> positions;  ///< of the entries, ascending column
  std::span<const float> weights;           ///< w_j >= 0
  std::span<const float> targets;           ///< t_j
};

enum class Solved : int { no, yes };

/// A float Cholesky of I + S loses about trace(S) * 2^-24 of the right side: up to this trace it needs no
/// correction.
inline constexpr double tame_trace = 64;

/// Solves rows:
///
///     (D + Z'WZ) x = Z'W t,   D = alpha0 diag(eigenvalues) + rho > 0
///
/// With B = W^1/2 Z D^-1/2 (design, section 4), by method_of_row():
/// - x = D^-1/2 B' (I + BB')^-1 W^1/2 t, or (I + B'B) y = B' W^1/2 t, x = D^-1/2 y, by Cholesky. Products and
///   factorization in float; unless the trace proves the system tame, corrected with residuals in double
///   until |residual| <= 1e-6 |right side|; rows that do not get there are solved again in double.
/// - conjugate gradients on the latter, from the x given, until |residual| <= cg_tolerance |right side|; rows
///   that do not get there in 100 steps are solved exactly.
///
/// Rows are added one by one and worked on in pairs, while the entries of the next pair are fetched; short
/// rows of like length take turns at each iteration. The bits of a row depend on its entries (and, for
/// gradients, the x given) alone. One a thread.
class alignas(64) RowSolver {  // one a thread: no line shared with another
 public:
  /// What became of a row, and sum over its entries of w (z.x - t)^2, if that is taken.
  using Finish = std::function<void(Count row, std::span<float> x, Solved solved, double observed)>;

  /// @param num_entries  of the longest row that will be added
  RowSolver(Count k, Count num_entries, const SolverSettings& settings = {});

  void set_basis(double alpha0, std::span<const double> eigenvalues);
  /// Whether sums over entries are taken; they are unless told otherwise.
  void take_loss(bool wanted) { takes_loss_ = wanted; }

  /// Room for the weights and targets of the row to be added next.
  std::span<float> weights() { return next_slot().weights; }
  std::span<float> targets() { return next_slot().targets; }
  /// Solves a row, of at least one entry, now or with those that follow; the rows at hand and x must stay
  /// until finish() has been called for it. Its weights and targets are in weights() and targets().
  /// @param rho  the row's regularization
  void add(Count row, const GatheredRows& rows, std::span<const std::int32_t> positions, double rho,
           std::span<float> x, const Finish& finish);
  /// Solves what is left.
  void flush(const Finish& finish);

  /// A single row. @param observed  if given, set to the row's part of the loss
  Solved solve(const RowEntries& row, double rho, std::span<float> x, double* observed = nullptr);
  /// The same from sums taken before, in double.
  Solved solve(const NormalSums& sums, double rho, std::span<float> x);

  Count num_solved_in_double() const { return num_solved_in_double_; }
  Count num_gradient_steps() const { return num_gradient_steps_; }
  Count num_gradient_rows() const { return num_gradient_rows_; }
  static Count scratch_bytes(Count k, Count num_entries);

 private:
  /// A row that waits: everything by entry is padded to whole tiles with zeros.
  struct Slot {
    std::vector<float> weights, targets;
    std::vector<float> roots, right_side;  // W^1/2, W^1/2 t
    const void** rows = nullptr;           // those of its entries
    GatheredRows gathered;
    std::span<const std::int32_t> positions;
    Count row = -1, num_entries = 0;
    double rho = 0;
    std::span<float> x;
  };
  /// Rows that wait to be worked on together, and where their entries' rows lie, one after the other's.
  struct Turn {
    Slot slots[most_gradient_rows];
    std::vector<const void*> rows;
    int count = 0;
    Count num_entries = 0;
  };
  /// A row of the group at hand.
  struct Member {
    Count row;
    std::span<float> x;
  };

  Slot& next_slot() { return turns_[filling_].slots[turns_[filling_].count]; }
  void fill(Slot& slot, const GatheredRows& rows, std::span<const std::int32_t> positions) const;
  Ahead ahead_of(const Turn& turn) const;
  void process(Turn& turn, Ahead& ahead, const Finish& finish);
  void process(Slot& slot, Ahead& ahead, const Finish& finish);
  bool take_turns(const Turn& turn) const;
  RowMethod method_of(const Slot& slot) const;
  void set_rho(double rho);
  void gather(const Slot& slot, float* b) const;
  void add_to_group(Slot& slot, Ahead& ahead, const Finish& finish);
  void solve_group(const Finish& finish);
  Count group_size(Count tiled_entries) const;
  Solved solve_exactly(const Slot& slot, double& observed);
  Solved solve_dual(const Slot& slot, double& observed);
  Solved solve_primal(const Slot& slot, double& observed);
  void solve_by_gradients(std::span<Slot> slots, Ahead& ahead, const Finish& finish);
  Solved take_gradients(Slot& slot, const GradientRow& row, double& observed);
  bool correct_dual(const Slot& slot, double trace);
  bool correct_primal(const Slot& slot, double& observed);
  Solved solve_dual_in_double(const Slot& slot, double& observed);
  Solved solve_primal_in_double(const Slot& slot, double& observed);
  void widen(const Slot& slot, Count entry, double* to) const;
  Solved scale_back(std::span<float> x) const;

  const Count k_, stride_;
  bool takes_loss_ = true;
  const SolverSettings settings_;
  const RowKernels* kernels_;
  double alpha0_ = 0, rho_ = -1;
  std::vector<double> eigenvalues_;
  Scratch<float> diagonal_;  // alpha0 * eigenvalues
  Scratch<float> scale_;     // D^-1/2
  Turn turns_[2];
  int filling_ = 0;  // the other one waits

  Scratch<float> b_;  // entries x stride, or those of a group
  std::vector<Member> group_;
  Count group_entries_ = 0;  // of each member, tiled
  Scratch<float> tiles_, group_right_side_, group_scale_, group_work_;

  Scratch<float> system_;    // I + BB' or I + B'B, then its factor
  Scratch<float> y_, work_;  // of the rows that take turns, one after the other's
  std::vector<float> step_;  // right side, then solution, in float
  Scratch<double> dual_;     // v by entry
  Scratch<double> primal_;   // B'v or y, by column, padded
  Scratch<double> residual_;
  Scratch<double> wide_b_, wide_system_;  // the way out in double; empty until needed
  NormalSums sums_;
  Count num_solved_in_double_ = 0, num_gradient_steps_ = 0, num_gradient_rows_ = 0;
};

}  // namespace pushcart::als
