#include "models/similarity/pair_score.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pushcart::similarity {

namespace {

double x_ln_x(double x) {
  return x > 0 ? x * std::log(x) : 0.0;
}

}  // namespace

PairScore::PairScore(const Product& product, const SimilarityConfig& config)
    : formula_(product.formula),
      shrinkage_(config.shrinkage),
      num_inner_(product.num_inner),
      min_support_(static_cast<unsigned>(
          std::min<Count>(config.min_support, std::numeric_limits<std::int32_t>::max()))) {
  if (formula_ != Formula::llr) return;
  constexpr double most = 1 << 16;  // 512 KiB
  for (double x = 0; x <= std::min(num_inner_, most); ++x) table_.push_back(x_ln_x(x));
}

double PairScore::x_log_x(double x) const {
  return x < static_cast<double>(table_.size()) ? table_[static_cast<std::size_t>(x)] : x_ln_x(x);
}

double PairScore::log_likelihood_ratio(double count, double row_size, double column_size) const {
  if (count * num_inner_ <= row_size * column_size) return 0;
  const double cells = x_log_x(count) + x_log_x(row_size - count) + x_log_x(column_size - count) +
                       x_log_x(num_inner_ - row_size - column_size + count);
  const double margins = x_log_x(row_size) + x_log_x(num_inner_ - row_size) + x_log_x(column_size) +
                         x_log_x(num_inner_ - column_size);
  return 2 * (cells - margins + x_log_x(num_inner_));
}

float PairScore::score(const Side& row, const Side& column, double sum, double count) const {
  double score = 0;
  switch (formula_) {
    case Formula::product:
      score = sum * (row.scale * column.scale);
      break;
    case Formula::overlap:
      score = sum / (row.size + column.size - sum);
      break;
    case Formula::llr:
      score = log_likelihood_ratio(count, row.size, column.size);
      break;
  }
  if (shrinkage_ > 0) score *= count / (count + shrinkage_);
  return static_cast<float>(score);
}

SweepBound PairScore::bound(const Side& row, float threshold) const {
  const double t = static_cast<double>(threshold);
  SweepBound bound{0, 0, min_support_};
  if (formula_ == Formula::product && t > 0) {
    bound.q = static_cast<float>(t / row.scale);
  } else if (formula_ == Formula::overlap) {
    bound.q = static_cast<float>(t / (1 + t));
    bound.p = bound.q * static_cast<float>(row.size);
  }
  return bound;
}

float PairScore::z(const Side& column) const {
  switch (formula_) {
    case Formula::product:
      return column.scale > 0 ? static_cast<float>(1 / column.scale) : std::numeric_limits<float>::max();
    case Formula::overlap:
      return static_cast<float>(column.size);
    default:
      return 0;
  }
}

}  // namespace pushcart::similarity
