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

float PairScore::llr(double row, double column, unsigned count) const {
  const double c = count;
  if (count < min_support_ || c * num_inner_ <= row * column) return 0;
  const double cells =
      x_log_x(c) + x_log_x(row - c) + x_log_x(column - c) + x_log_x(num_inner_ - row - column + c);
  const double margins =
      x_log_x(row) + x_log_x(num_inner_ - row) + x_log_x(column) + x_log_x(num_inner_ - column);
  const double ratio = 2 * (cells - margins + x_log_x(num_inner_));
  return static_cast<float>(shrinkage_ > 0 ? ratio * (c / (c + shrinkage_)) : ratio);
}

ScoreRule PairScore::rule(double row, float threshold) const {
  return {formula_ == Formula::overlap, static_cast<float>(row), static_cast<float>(shrinkage_), min_support_,
          threshold};
}

CountBound PairScore::bound(double row, float threshold) const {
  const double t = static_cast<double>(threshold);
  CountBound bound{0, 0, min_support_};
  if (formula_ == Formula::product && t > 0) {
    bound.q = static_cast<float>(t / row);
  } else if (formula_ == Formula::overlap) {
    bound.q = static_cast<float>(t / (1 + t));
    bound.p = bound.q * static_cast<float>(row);
  }
  return bound;
}

CountNeed PairScore::need(double row, float threshold, std::span<const float> least_z) const {
  constexpr double caution = 1 - 1e-5, most = std::numeric_limits<std::int32_t>::max();
  constexpr unsigned chunk_columns = 64;
  const CountBound least = bound(row, threshold);
  const double p = static_cast<double>(least.p) * caution, q = static_cast<double>(least.q) * caution;
  const double lowest = std::ceil(p + q * static_cast<double>(least_z.back()));
  CountNeed need{std::max(min_support_, static_cast<unsigned>(std::min(lowest, most))), 0};
  if (!(q > 0)) return need;
  const double largest_z = (static_cast<double>(need.lowest) - p) / q;
  const auto first = std::partition_point(least_z.begin(), least_z.end(),
                                          [&](float z) { return static_cast<double>(z) > largest_z; });
  need.first_column = static_cast<unsigned>(first - least_z.begin()) * chunk_columns;
  return need;
}

float PairScore::z(double column) const {
  switch (formula_) {
    case Formula::product:
      return column > 0 ? static_cast<float>(1 / column) : std::numeric_limits<float>::max();
    case Formula::overlap:
      return static_cast<float>(column);
    default:
      return 0;
  }
}

}  // namespace pushcart::similarity
