#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/als/dense.hpp"
#include "models/als/normal_sums.hpp"
#include "pushcart/matrix/row_exchange.hpp"

namespace pushcart::als {

/// One row's entries as a solver sees them.
struct RowEntries {
  GatheredRows rows;                        ///< z_j, k floats each, in the eigenbasis
  std::span<const std::int32_t> positions;  ///< of the entries, ascending column
  std::span<const float> weights;           ///< w_j >= 0
  std::span<const float> targets;           ///< t_j
};

enum class Solved : int { no, yes };

/// Solves rows, one at a time:
///
///     (D + Z'WZ) x = Z'W t,   D = alpha0 diag(eigenvalues) + rho > 0
///
/// With B = W^1/2 Z D^-1/2: light rows (fewer than k entries) by x = D^-1/2 B' (I + BB')^-1 W^1/2 t, others
/// by (I + B'B) y = B' W^1/2 t, x = D^-1/2 y (design, section 4). Products and factorization in float; unless
/// the trace proves the system tame, corrected with residuals in double until |residual| <= 1e-6 |right
/// side|; rows that do not get there are solved again in double. The bits depend on the row's entries alone.
/// One a thread.
class RowSolver {
 public:
  /// @param num_entries  of the longest row that solve() will see
  RowSolver(Count k, Count num_entries);

  void set_basis(double alpha0, std::span<const double> eigenvalues);
  /// @param rho  the row's regularization; the row has at least one entry
  Solved solve(const RowEntries& row, double rho, std::span<float> x);
  /// The same from sums taken before, in double.
  Solved solve(const NormalSums& sums, double rho, std::span<float> x);

  std::span<float> weights() { return weights_; }  ///< room for a row's weights and targets
  std::span<float> targets() { return targets_; }
  Count num_solved_in_double() const { return num_solved_in_double_; }
  static Count scratch_bytes(Count k, Count num_entries);

 private:
  void set_rho(double rho);
  void gather(const RowEntries& row);
  Solved solve_light(const RowEntries& row, std::span<float> x);
  Solved solve_heavy(const RowEntries& row, std::span<float> x);
  bool correct_light(Count num_entries);
  bool correct_heavy(Count num_entries);
  Solved solve_light_in_double(const RowEntries& row, std::span<float> x);
  Solved solve_heavy_in_double(const RowEntries& row, std::span<float> x);
  Solved scale_back(std::span<float> x) const;

  const Count k_, stride_;
  double alpha0_ = 0, rho_ = -1;
  std::vector<double> eigenvalues_;
  std::vector<double> inverse_root_;  // D^-1/2
  std::vector<float> inverse_root_float_;
  std::vector<float> weights_, targets_;
  Scratch<float> b_;            // entries x stride
  Scratch<float> system_;       // I + BB' or I + B'B, then its factor
  std::vector<float> step_;     // right side, then solution, in float
  Scratch<double> right_side_;  // W^1/2 t by entry
  Scratch<double> dual_;        // v by entry
  Scratch<double> primal_;      // B'v or y, by column, padded
  Scratch<double> residual_;
  Scratch<double> wide_b_, wide_system_;  // the way out in double; empty until needed
  NormalSums sums_;
  Count num_solved_in_double_ = 0;
};

/// sum over j of w_j (z_j . x - t_j)^2.
double observed_loss(const RowEntries& row, std::span<const float> x);

}  // namespace pushcart::als
