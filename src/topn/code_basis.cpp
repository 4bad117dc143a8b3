#include "topn/code_basis.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "pushcart/base/random.hpp"

namespace pushcart::detail {

namespace {

/// Mean square of each column over all ranks.
std::vector<double> mean_squares(const Communicator& comm, const FactorTable& table, Count num_columns) {
  std::vector<double> sums(static_cast<std::size_t>(num_columns), 0.0);
  for (Count row = 0; row < table.rows.size() && !table.values.empty(); ++row) {
    const auto values = table.row(row);
    for (std::size_t c = 0; c < values.size(); ++c)
      sums[c] += static_cast<double>(values[c]) * static_cast<double>(values[c]);
  }
  comm.allreduce(std::span<double>(sums), Reduce::sum);
  const auto num_rows = static_cast<double>(comm.allreduce(table.rows.size(), Reduce::sum));
  for (double& sum : sums) sum /= std::max(1.0, num_rows);
  return sums;
}

/// The power of two by which items are multiplied and rows divided.
double balance(double row_square, double item_square) {
  if (!(row_square > 0 && item_square > 0) || !std::isfinite(row_square / item_square)) return 1;
  constexpr double most = 40;  // digits of rows and items stay far from the ends of double
  return std::exp2(std::clamp(std::round(std::log2(row_square / item_square) / 4), -most, most));
}

/// Calls visit(first, size) for blocks of powers of two columns, largest first.
template <class Visit>
void for_each_block(std::size_t num_columns, Visit&& visit) {
  for (std::size_t first = 0; first < num_columns;) {
    const std::size_t size = std::bit_floor(num_columns - first);
    visit(first, size);
    first += size;
  }
}

/// Walsh and Hadamard's transform, unscaled, in place.
void mix(double* x, std::size_t size) {
  for (std::size_t half = 1; half < size; half *= 2) {
    for (std::size_t first = 0; first < size; first += 2 * half) {
      for (std::size_t i = first; i < first + half; ++i) {
        const double sum = x[i] + x[i + half], difference = x[i] - x[i + half];
        x[i] = sum;
        x[i + half] = difference;
      }
    }
  }
}

}  // namespace

CodeBasis::CodeBasis(const Communicator& comm, const FactorTable& rows, const FactorTable& items) {
  const Count num_columns = comm.allreduce(std::max(rows.num_columns, items.num_columns), Reduce::max);
  const auto row_squares = mean_squares(comm, rows, num_columns);
  const auto item_squares = mean_squares(comm, items, num_columns);
  const RandomStream signs(1, 0);
  for (std::size_t c = 0; c < row_squares.size(); ++c) {
    item_weights_.push_back(balance(row_squares[c], item_squares[c]));
    const double sign = signs.below(c, 2) == 0 ? 1 : -1;
    item_scales_.push_back(sign * item_weights_[c]);
    row_scales_.push_back(sign / item_weights_[c]);
  }
  for_each_block(row_squares.size(), [&](std::size_t first, std::size_t size) {
    const double shrink = 1 / std::sqrt(static_cast<double>(size));
    for (std::size_t c = first; c < first + size; ++c) {
      item_scales_[c] *= shrink;
      row_scales_[c] *= shrink;
    }
  });
}

void CodeBasis::transform(std::span<const float> from, const std::vector<double>& scales, double* out) {
  for (std::size_t c = 0; c < from.size(); ++c) out[c] = static_cast<double>(from[c]) * scales[c];
  for_each_block(from.size(), [&](std::size_t first, std::size_t size) { mix(out + first, size); });
}

double CodeBasis::item_norm(std::span<const float> item) const {
  constexpr std::size_t lanes = 8;  // partial sums that the compiler can keep in vectors
  double sums[lanes] = {};
  const auto square = [&](std::size_t c) {
    const double value = static_cast<double>(item[c]) * item_weights_[c];
    return value * value;
  };
  const std::size_t full = item.size() / lanes * lanes;
  for (std::size_t c = 0; c < full; c += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += square(c + lane);
  }
  for (std::size_t c = full; c < item.size(); ++c) sums[c - full] += square(c);
  return std::sqrt(std::accumulate(sums, sums + lanes, 0.0));
}

}  // namespace pushcart::detail
