#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/similarity/operands.hpp"
#include "models/similarity/score_kernels.hpp"

namespace pushcart::similarity {

/// How a pair's P and c become its score, and what P a score takes. `row` and `column` are a side's size or
/// scale, whichever the formula takes.
class PairScore {
 public:
  PairScore(const Product& product, const SimilarityConfig& config);

  bool is_llr() const { return formula_ == Formula::llr; }
  double side(double size, double scale) const { return formula_ == Formula::product ? scale : size; }
  /// For the kernels. Not for llr.
  ScoreRule rule(double row, float threshold) const;
  /// A pair's score by the log-likelihood ratio, as kernels give others.
  float llr(double row, double column, unsigned count) const;

  /// No column with a smaller c has a score of `threshold`; z(column) stands for it.
  CountBound bound(double row, float threshold) const;
  /// The same as whole numbers; least_z[n] is the smallest z of the first n + 1 chunks of a block.
  CountNeed need(double row, float threshold, std::span<const float> least_z) const;
  float z(double column) const;

 private:
  double x_log_x(double x) const;

  Formula formula_;
  double shrinkage_, num_inner_;
  unsigned min_support_;
  std::vector<double> table_;  ///< llr: x ln x of small whole numbers
};

}  // namespace pushcart::similarity
