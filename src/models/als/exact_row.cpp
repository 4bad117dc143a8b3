// RowSolver: one row by Cholesky, corrected until it is as exact as float can hold.
#include <algorithm>
#include <cmath>

#include "models/als/row_solver.hpp"

namespace pushcart::als {
namespace {

constexpr double residual_tolerance = 1e-6;
constexpr int max_corrections = 4;

double norm(const Scratch<double>& values, Count n) {
  double sum = 0;
  for (Count i = 0; i < n; ++i)
    sum += values[static_cast<std::size_t>(i)] * values[static_cast<std::size_t>(i)];
  return std::sqrt(sum);
}

/// Adds the identity. @return the trace before that, in double
double add_identity(float* system, Count n, Count stride) {
  double trace = 0;
  for (Count i = 0; i < n; ++i) {
    trace += static_cast<double>(system[i * stride + i]);
    system[i * stride + i] += 1.0F;
  }
  return trace;
}

void spread_tiles(const float* tiles, Count d, float* matrix, Count stride) {
  for (Count i = 0; i < d; i += tile_rows) {
    for (Count j = i; j < d; j += tile_rows, tiles += tile_rows * tile_rows) {
      for (Count r = 0; r < tile_rows; ++r)
        std::copy_n(tiles + r * tile_rows, tile_rows, matrix + (i + r) * stride + j);
    }
  }
}

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

Solved RowSolver::solve_exactly(const Slot& slot, double& observed) {
  return slot.num_entries < k_ ? solve_dual(slot, observed) : solve_primal(slot, observed);
}

Solved RowSolver::solve_dual(const Slot& slot, double& observed) {
  const Count d = slot.num_entries, stride = padded(d);
  Ahead none;
  kernels_->tile_products(b_.data(), tiled(d), stride_, tiles_.data(), none);
  spread_tiles(tiles_.data(), tiled(d), system_.data(), stride);
  const double trace = add_identity(system_.data(), d, stride);
  if (!factorize(system_.data(), d, stride)) return solve_dual_in_double(slot, observed);
  std::copy_n(slot.right_side.begin(), d, step_.begin());
  std::fill(dual_.begin(), dual_.begin() + d, 0.0);
  solve_factorized(system_.data(), d, stride, step_.data());
  if (!correct_dual(slot, trace)) return solve_dual_in_double(slot, observed);
  observed = norm(dual_, d) * norm(dual_, d);
  return scale_back(slot.x);
}

/// Leaves B'v in primal_. The residual of the dual system is that of the normal equations times D^1/2 B'.
bool RowSolver::correct_dual(const Slot& slot, double trace) {
  const Count d = slot.num_entries;
  for (int correction = 0;; ++correction) {
    std::fill(primal_.begin(), primal_.end(), 0.0);
    for (Count j = 0; j < d; ++j) {
      dual_[at(j)] += static_cast<double>(step_[at(j)]);
      add_scaled(dual_[at(j)], b_.data() + j * stride_, primal_.data(), stride_);
    }
    if (trace <= tame_trace) return true;
    double right_side_squares = 0;
    for (Count j = 0; j < d; ++j) {
      const auto right_side = static_cast<double>(slot.right_side[at(j)]);
      residual_[at(j)] = right_side - dual_[at(j)] - dot(b_.data() + j * stride_, primal_.data(), stride_);
      right_side_squares += right_side * right_side;
      step_[at(j)] = static_cast<float>(residual_[at(j)]);
    }
    if (norm(residual_, d) <= residual_tolerance * std::sqrt(right_side_squares)) return true;
    if (correction == max_corrections) return false;
    solve_factorized(system_.data(), d, padded(d), step_.data());
  }
}

Solved RowSolver::solve_primal(const Slot& slot, double& observed) {
  column_products(b_.data(), slot.num_entries, k_, stride_, system_.data(), stride_, Update::overwrite);
  add_identity(system_.data(), k_, stride_);
  if (!factorize(system_.data(), k_, stride_) || !correct_primal(slot, observed)) {
    return solve_primal_in_double(slot, observed);
  }
  return scale_back(slot.x);
}

/// Leaves y in primal_.
bool RowSolver::correct_primal(const Slot& slot, double& observed) {
  std::fill(primal_.begin(), primal_.end(), 0.0);
  double right_side_norm = 0;
  for (int correction = 0;; ++correction) {
    for (Count c = 0; c < k_; ++c) residual_[at(c)] = -primal_[at(c)];
    observed = 0;
    for (Count j = 0; j < slot.num_entries; ++j) {
      const float* const b = b_.data() + j * stride_;
      const double predicted = correction == 0 ? 0.0 : dot(b, primal_.data(), stride_);
      const double error = static_cast<double>(slot.right_side[at(j)]) - predicted;
      observed += error * error;
      add_scaled(error, b, residual_.data(), stride_);
    }
    const double size = norm(residual_, k_);
    if (correction == 0) right_side_norm = size;
    if (size <= residual_tolerance * right_side_norm) return true;
    if (correction == max_corrections) return false;
    for (Count c = 0; c < k_; ++c) step_[at(c)] = static_cast<float>(residual_[at(c)]);
    solve_factorized(system_.data(), k_, stride_, step_.data());
    for (Count c = 0; c < k_; ++c) primal_[at(c)] += static_cast<double>(step_[at(c)]);
  }
}

Solved RowSolver::scale_back(std::span<float> x) const {
  for (std::size_t c = 0; c < x.size(); ++c)
    x[c] = static_cast<float>(primal_[c] * static_cast<double>(scale_[c]));
  return all_finite(x) ? Solved::yes : Solved::no;
}

Solved RowSolver::solve_dual_in_double(const Slot& slot, double& observed) {
  ++num_solved_in_double_;
  const Count d = slot.num_entries;
  wide_b_.assign(at(d * k_), 0);
  wide_system_.resize(at(d * d));
  std::vector<float> room(at(k_));
  for (Count j = 0; j < d; ++j) {
    const float* const z = floats_of(static_cast<const float*>(slot.rows[at(j)]), settings_.precision, room);
    const double root = std::sqrt(static_cast<double>(slot.weights[at(j)]));
    for (Count c = 0; c < k_; ++c) {
      wide_b_[at(j * k_ + c)] =
          root * static_cast<double>(z[c]) / std::sqrt(alpha0_ * eigenvalues_[at(c)] + rho_);
    }
    dual_[at(j)] = root * static_cast<double>(slot.targets[at(j)]);
  }
  row_products(wide_b_.data(), d, k_, wide_system_.data(), d);
  for (Count j = 0; j < d; ++j) wide_system_[at(j * d + j)] += 1.0;
  if (!factorize(wide_system_.data(), d, d)) return Solved::no;
  solve_factorized(wide_system_.data(), d, d, dual_.data());
  observed = norm(dual_, d) * norm(dual_, d);
  std::fill(primal_.begin(), primal_.end(), 0.0);
  for (Count j = 0; j < d; ++j) {
    for (Count c = 0; c < k_; ++c) primal_[at(c)] += dual_[at(j)] * wide_b_[at(j * k_ + c)];
  }
  for (Count c = 0; c < k_; ++c) {
    slot.x[at(c)] = static_cast<float>(primal_[at(c)] / std::sqrt(alpha0_ * eigenvalues_[at(c)] + rho_));
  }
  return all_finite(slot.x) ? Solved::yes : Solved::no;
}

Solved RowSolver::solve_primal_in_double(const Slot& slot, double& observed) {
  ++num_solved_in_double_;
  const auto entries = slot.positions.size();
  sums_.start(k_, settings_.precision);
  sums_.add({slot.gathered, slot.positions, std::span(slot.weights).first(entries),
             std::span(slot.targets).first(entries)});
  const Solved solved = solve(sums_, slot.rho, slot.x);
  observed = sums_.observed_loss(slot.x);
  return solved;
}

}  // namespace pushcart::als
