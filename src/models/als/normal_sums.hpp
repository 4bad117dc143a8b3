#pragma once

#include <cstdint>
#include <span>

#include "models/als/dense.hpp"
#include "pushcart/matrix/row_exchange.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

struct RowEntries;

/// Normal equations of one row, summed in double over fixed blocks of its entries: for rows with so many
/// entries that they come in several batches. The order of the blocks is the row's, so batches do not change
/// the bits.
class NormalSums {
 public:
  void start(Count k, GatherPrecision precision = GatherPrecision::float32);
  /// Adds up to a block of entries.
  void add(const RowEntries& entries);

  /// (diag(d) + Z'WZ) x = Z'Wt by Cholesky. @return false if it could not be solved
  bool solve(std::span<const double> d, std::span<float> x) const;
  /// sum of w (z.x - t)^2.
  double observed_loss(std::span<const float> x) const;

 private:
  Count k_ = 0;
  GatherPrecision precision_ = GatherPrecision::float32;
  Scratch<double> products_;    // Z'WZ, upper triangle
  Scratch<double> right_side_;  // Z'Wt
  double target_squares_ = 0;   // t'Wt
  Scratch<double> block_;       // W^1/2 Z of the block at hand
  mutable Scratch<double> factor_, solution_;
};

}  // namespace pushcart::als
