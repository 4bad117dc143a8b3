#include "models/als/normal_sums.hpp"

#include <algorithm>
#include <cmath>

#include "models/als/row_solver.hpp"
#include "models/als/stored_rows.hpp"

namespace pushcart::als {

void NormalSums::start(Count k, GatherPrecision precision) {
  k_ = k;
  precision_ = precision;
  products_.assign(static_cast<std::size_t>(k * k), 0);
  right_side_.assign(static_cast<std::size_t>(k), 0);
  target_squares_ = 0;
}

void NormalSums::add(const RowEntries& entries) {
  const auto count = static_cast<Count>(entries.positions.size());
  block_.resize(std::max(block_.size(), static_cast<std::size_t>(count * k_)));
  std::vector<float> wide(static_cast<std::size_t>(k_));
  for (Count j = 0; j < count; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const float* const z = floats_of(entries.rows[entries.positions[at]], precision_, wide);
    const double weight = static_cast<double>(entries.weights[at]),
                 target = static_cast<double>(entries.targets[at]);
    const double root = std::sqrt(weight);
    double* const row = block_.data() + j * k_;
    for (Count c = 0; c < k_; ++c) row[c] = root * static_cast<double>(z[c]);
    add_scaled(weight * target, z, right_side_.data(), k_);
    target_squares_ += weight * target * target;
  }
  column_products(block_.data(), count, k_, k_, products_.data(), k_, Update::accumulate);
}

bool NormalSums::solve(std::span<const double> d, std::span<float> x) const {
  factor_ = products_;
  solution_ = right_side_;
  for (Count c = 0; c < k_; ++c)
    factor_[static_cast<std::size_t>(c * k_ + c)] += d[static_cast<std::size_t>(c)];
  if (!factorize(factor_.data(), k_, k_)) return false;
  solve_factorized(factor_.data(), k_, k_, solution_.data());
  std::transform(solution_.begin(), solution_.end(), x.begin(),
                 [](double v) { return static_cast<float>(v); });
  return std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); });
}

double NormalSums::observed_loss(std::span<const float> x) const {
  double loss = target_squares_;
  for (Count row = 0; row < k_; ++row) {
    const double* const products = products_.data() + row * k_;
    const double left = static_cast<double>(x[static_cast<std::size_t>(row)]);
    double sum = products[row] * left;
    for (Count column = row + 1; column < k_; ++column) {
      sum += 2 * products[column] * static_cast<double>(x[static_cast<std::size_t>(column)]);
    }
    loss += left * (sum - 2 * right_side_[static_cast<std::size_t>(row)]);
  }
  return std::max(loss, 0.0);
}

}  // namespace pushcart::als
