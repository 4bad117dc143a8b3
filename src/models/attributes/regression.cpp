#include "models/attributes/regression.hpp"

#include <algorithm>
#include <cmath>

#include "models/als/dense.hpp"
#include "pushcart/base/sum_grid.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::attributes {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

/// In parts, for MPI holds as much again as it sums at once.
void sum_over_ranks(const Communicator& comm, std::span<double> values) {
  constexpr std::size_t part = std::size_t{1} << 16;
  for (std::size_t first = 0; first < values.size(); first += part)
    comm.allreduce(values.subspan(first, std::min(part, values.size() - first)), Reduce::sum);
}

[[noreturn]] void throw_unsolved() {
  throw NumericError("the map from attributes to factors could not be solved; raise --attribute-ridge");
}

}  // namespace

Regression::Regression(const Communicator& comm, const AttributeMap& map,
                       const std::vector<TextColumn>& attributes, std::vector<double> weights)
    : comm_(comm),
      value_rows_(map, attributes),
      weights_(std::move(weights)),
      size_(1 + map.num_values()),
      num_counted_(
          comm.sum(static_cast<Count>(weights_.size()) - std::count(weights_.begin(), weights_.end(), 0.0))) {
  als::use_one_blas_thread();
  const double largest = weights_.empty() ? 0.0 : *std::max_element(weights_.begin(), weights_.end());
  // Shares are at most 1.
  const double shift = SumGrid(comm.allreduce(largest, Reduce::max), num_counted_).shift();
  factor_.assign(at(size_ * size_), 0);
  std::vector<Share> shares;
  for (std::size_t row = 0; row < weights_.size(); ++row) {
    if (weights_[row] == 0) continue;
    value_rows_.shares_of(static_cast<Count>(row), shares);
    for (std::size_t a = 0; a < shares.size(); ++a) {
      for (std::size_t b = a; b < shares.size(); ++b) {
        const double product = weights_[row] * (shares[a].weight * shares[b].weight);
        factor_[at(shares[a].row * size_ + shares[b].row)] += (product + shift) - shift;
      }
    }
  }
  sum_over_ranks(comm, factor_);
  if (!comm.is_root()) std::vector<double>().swap(factor_);
  collectively(comm, "factoring the map from attributes", [&] {
    if (!comm.is_root() || num_counted_ == 0) return;
    for (Count value = 1; value < size_; ++value) factor_[at(value * size_ + value)] += map.ridge;
    if (!als::factorize(factor_.data(), size_, size_)) throw_unsolved();
  });
}

FactorTable Regression::fit(const FactorTable& factors) const {
  const Count k = factors.num_columns;
  PUSHCART_CHECK(static_cast<Count>(weights_.size()) == factors.rows.size());
  double largest = 0;
  for (Count row = 0; row < factors.rows.size(); ++row) {
    for (const float value : factors.row(row))
      largest = std::max(largest, weights_[at(row)] * std::abs(static_cast<double>(value)));
  }
  const double shift = SumGrid(comm_.allreduce(largest, Reduce::max), num_counted_).shift();
  std::vector<double> right_side(at(size_ * k), 0.0);
  std::vector<Share> shares;
  for (Count row = 0; row < factors.rows.size(); ++row) {
    if (weights_[at(row)] == 0) continue;
    value_rows_.shares_of(row, shares);
    const auto x = factors.row(row);
    for (const Share& share : shares) {
      double* const sums = right_side.data() + share.row * k;
      const double weight = weights_[at(row)] * share.weight;
      for (std::size_t c = 0; c < x.size(); ++c) {
        const double product = weight * static_cast<double>(x[c]);
        sums[c] += (product + shift) - shift;
      }
    }
  }
  sum_over_ranks(comm_, right_side);
  FactorTable fitted{{0, size_}, k, std::vector<float>(at(size_ * k), 0.0F)};
  collectively(comm_, "solving the map from attributes", [&] {
    if (!comm_.is_root() || num_counted_ == 0) return;
    als::solve_factorized(factor_.data(), size_, size_, right_side.data(), k);
    std::transform(right_side.begin(), right_side.end(), fitted.values.begin(),
                   [](double value) { return static_cast<float>(value); });
    if (!als::all_finite(fitted.values)) throw_unsolved();
  });
  comm_.broadcast(std::span<float>(fitted.values), 0);
  return fitted;
}

}  // namespace pushcart::attributes
