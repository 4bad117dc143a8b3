#pragma once

#include <cstdint>
#include <vector>

#include "models/similarity/operands.hpp"
#include "models/similarity/sweep_kernels.hpp"

namespace pushcart::similarity {

/// How a pair's P and c become its score, and what P a score takes.
class PairScore {
 public:
  PairScore(const Product& product, const SimilarityConfig& config);

  /// What a pair's two sides know.
  struct Side {
    double size = 0, scale = 0;
  };
  /// Rounded to float at the end: the same bits wherever it is computed.
  float score(const Side& row, const Side& column, double sum, double count) const;
  /// No column whose P is below this has a score of `threshold`; z(column) stands for the column.
  SweepBound bound(const Side& row, float threshold) const;
  float z(const Side& column) const;
  unsigned min_support() const { return min_support_; }

 private:
  double log_likelihood_ratio(double count, double row_size, double column_size) const;
  double x_log_x(double x) const;

  Formula formula_;
  double shrinkage_, num_inner_;
  unsigned min_support_;
  std::vector<double> table_;  ///< llr: x ln x of small whole numbers
};

}  // namespace pushcart::similarity
