#include "models/als/row_solver.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::als {
namespace {

/// A float Cholesky of I + S loses about trace(S) * 2^-24 of the right side: below this no correction is
/// needed.
constexpr double tame_trace = 64;
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

}  // namespace

RowSolver::RowSolver(Count k, Count num_entries)
    : k_(k),
      stride_(padded(k)),
      eigenvalues_(static_cast<std::size_t>(k)),
      inverse_root_(static_cast<std::size_t>(stride_)),
      inverse_root_float_(static_cast<std::size_t>(stride_)),
      weights_(static_cast<std::size_t>(num_entries)),
      targets_(static_cast<std::size_t>(num_entries)),
      b_(static_cast<std::size_t>(num_entries * stride_)),
      system_(static_cast<std::size_t>(stride_ * stride_)),
      step_(static_cast<std::size_t>(stride_)),
      right_side_(static_cast<std::size_t>(std::max(num_entries, stride_))),
      dual_(static_cast<std::size_t>(std::max(num_entries, stride_))),
      primal_(static_cast<std::size_t>(stride_)),
      residual_(static_cast<std::size_t>(stride_)) {}

Count RowSolver::scratch_bytes(Count k, Count num_entries) {
  const Count stride = padded(k);
  return 4 * (num_entries * (stride + 2) + stride * stride) + 16 * num_entries + 64 * stride;
}

void RowSolver::set_basis(double alpha0, std::span<const double> eigenvalues) {
  alpha0_ = alpha0;
  rho_ = -1;
  std::copy(eigenvalues.begin(), eigenvalues.end(), eigenvalues_.begin());
}

void RowSolver::set_rho(double rho) {
  if (rho == rho_) return;
  rho_ = rho;
  for (std::size_t c = 0; c < eigenvalues_.size(); ++c) {
    inverse_root_[c] = 1.0 / std::sqrt(alpha0_ * eigenvalues_[c] + rho);
    inverse_root_float_[c] = static_cast<float>(inverse_root_[c]);
  }
}

Solved RowSolver::solve(const RowEntries& row, double rho, std::span<float> x) {
  set_rho(rho);
  gather(row);
  return static_cast<Count>(row.positions.size()) < k_ ? solve_light(row, x) : solve_heavy(row, x);
}

Solved RowSolver::solve(const NormalSums& sums, double rho, std::span<float> x) {
  std::vector<double> d(eigenvalues_);
  for (double& value : d) value = alpha0_ * value + rho;
  return sums.solve(d, x) ? Solved::yes : Solved::no;
}

void RowSolver::gather(const RowEntries& row) {
  const float* const scale = inverse_root_float_.data();
  for (std::size_t j = 0; j < row.positions.size(); ++j) {
    const float* const z = row.rows[row.positions[j]];
    const float root = std::sqrt(row.weights[j]);
    float* const out = b_.data() + static_cast<Count>(j) * stride_;
    for (Count c = 0; c < k_; ++c) out[c] = z[c] * (root * scale[c]);
    right_side_[j] = static_cast<double>(root) * static_cast<double>(row.targets[j]);
  }
}

Solved RowSolver::solve_light(const RowEntries& row, std::span<float> x) {
  const auto d = static_cast<Count>(row.positions.size());
  const Count system_stride = padded(d);
  row_products(b_.data(), d, stride_, system_.data(), system_stride);
  const double trace = add_identity(system_.data(), d, system_stride);
  if (!factorize(system_.data(), d, system_stride)) return solve_light_in_double(row, x);
  for (Count j = 0; j < d; ++j)
    step_[static_cast<std::size_t>(j)] = static_cast<float>(right_side_[static_cast<std::size_t>(j)]);
  solve_factorized(system_.data(), d, system_stride, step_.data());
  if (trace <= tame_trace) {
    std::fill(x.begin(), x.end(), 0.0F);
    for (Count j = 0; j < d; ++j) {
      add_scaled(step_[static_cast<std::size_t>(j)], b_.data() + j * stride_, x.data(), k_);
    }
    for (Count c = 0; c < k_; ++c)
      x[static_cast<std::size_t>(c)] *= inverse_root_float_[static_cast<std::size_t>(c)];
    return std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); }) ? Solved::yes
                                                                                     : Solved::no;
  }
  return correct_light(d) ? scale_back(x) : solve_light_in_double(row, x);
}

/// Leaves B'v in primal_. The residual of the dual system is that of the normal equations times D^1/2 B'.
bool RowSolver::correct_light(Count d) {
  std::fill_n(dual_.begin(), d, 0.0);
  for (int correction = 0;; ++correction) {
    std::fill(primal_.begin(), primal_.end(), 0.0);
    for (Count j = 0; j < d; ++j) {
      const auto at = static_cast<std::size_t>(j);
      dual_[at] += static_cast<double>(step_[at]);
      add_scaled(dual_[at], b_.data() + j * stride_, primal_.data(), stride_);
    }
    for (Count j = 0; j < d; ++j) {
      const auto at = static_cast<std::size_t>(j);
      residual_[at] = right_side_[at] - dual_[at] - dot(b_.data() + j * stride_, primal_.data(), stride_);
      step_[at] = static_cast<float>(residual_[at]);
    }
    if (norm(residual_, d) <= residual_tolerance * norm(right_side_, d)) return true;
    if (correction == max_corrections) return false;
    solve_factorized(system_.data(), d, padded(d), step_.data());
  }
}

Solved RowSolver::solve_heavy(const RowEntries& row, std::span<float> x) {
  const auto d = static_cast<Count>(row.positions.size());
  column_products(b_.data(), d, k_, stride_, system_.data(), stride_, Update::overwrite);
  add_identity(system_.data(), k_, stride_);
  if (!factorize(system_.data(), k_, stride_)) return solve_heavy_in_double(row, x);
  return correct_heavy(d) ? scale_back(x) : solve_heavy_in_double(row, x);
}

/// Leaves y in primal_.
bool RowSolver::correct_heavy(Count d) {
  std::fill(primal_.begin(), primal_.end(), 0.0);
  double right_side_norm = 0;
  for (int correction = 0;; ++correction) {
    for (Count c = 0; c < k_; ++c)
      residual_[static_cast<std::size_t>(c)] = -primal_[static_cast<std::size_t>(c)];
    for (Count j = 0; j < d; ++j) {
      const float* const b = b_.data() + j * stride_;
      const double predicted = correction == 0 ? 0.0 : dot(b, primal_.data(), stride_);
      add_scaled(right_side_[static_cast<std::size_t>(j)] - predicted, b, residual_.data(), stride_);
    }
    const double size = norm(residual_, k_);
    if (correction == 0) right_side_norm = size;
    if (size <= residual_tolerance * right_side_norm) return true;
    if (correction == max_corrections) return false;
    for (Count c = 0; c < k_; ++c) {
      step_[static_cast<std::size_t>(c)] = static_cast<float>(residual_[static_cast<std::size_t>(c)]);
    }
    solve_factorized(system_.data(), k_, stride_, step_.data());
    for (Count c = 0; c < k_; ++c) {
      primal_[static_cast<std::size_t>(c)] += static_cast<double>(step_[static_cast<std::size_t>(c)]);
    }
  }
}

Solved RowSolver::scale_back(std::span<float> x) const {
  bool finite = true;
  for (std::size_t c = 0; c < x.size(); ++c) {
    x[c] = static_cast<float>(primal_[c] * inverse_root_[c]);
    finite = finite && std::isfinite(x[c]);
  }
  return finite ? Solved::yes : Solved::no;
}

Solved RowSolver::solve_light_in_double(const RowEntries& row, std::span<float> x) {
  ++num_solved_in_double_;
  const auto d = static_cast<Count>(row.positions.size());
  wide_b_.assign(static_cast<std::size_t>(d * k_), 0);
  wide_system_.resize(static_cast<std::size_t>(d * d));
  for (Count j = 0; j < d; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const float* const z = row.rows[row.positions[at]];
    const double root = std::sqrt(static_cast<double>(row.weights[at]));
    double* const b = wide_b_.data() + j * k_;
    for (Count c = 0; c < k_; ++c)
      b[c] = root * static_cast<double>(z[c]) * inverse_root_[static_cast<std::size_t>(c)];
    dual_[at] = root * static_cast<double>(row.targets[at]);
  }
  row_products(wide_b_.data(), d, k_, wide_system_.data(), d);
  for (Count j = 0; j < d; ++j) wide_system_[static_cast<std::size_t>(j * d + j)] += 1.0;
  if (!factorize(wide_system_.data(), d, d)) return Solved::no;
  solve_factorized(wide_system_.data(), d, d, dual_.data());
  std::fill(primal_.begin(), primal_.end(), 0.0);
  for (Count j = 0; j < d; ++j) {
    const double* const b = wide_b_.data() + j * k_;
    for (Count c = 0; c < k_; ++c)
      primal_[static_cast<std::size_t>(c)] += dual_[static_cast<std::size_t>(j)] * b[c];
  }
  return scale_back(x);
}

Solved RowSolver::solve_heavy_in_double(const RowEntries& row, std::span<float> x) {
  ++num_solved_in_double_;
  sums_.start(k_);
  sums_.add(row);
  return solve(sums_, rho_, x);
}

double observed_loss(const RowEntries& row, std::span<const float> x) {
  double loss = 0;
  for (std::size_t j = 0; j < row.positions.size(); ++j) {
    const float* const z = row.rows[row.positions[j]];
    const double error = static_cast<double>(dot(z, x.data(), static_cast<Count>(x.size()))) -
                         static_cast<double>(row.targets[j]);
    loss += static_cast<double>(row.weights[j]) * error * error;
  }
  return loss;
}

}  // namespace pushcart::als
