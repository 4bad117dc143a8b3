#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "pushcart/models/similarity.hpp"
#include "support/small_dataset.hpp"

namespace pushcart::test {

/// A dense matrix in double: rows (items or users) by inner (users or items); absent pairs have `has` false.
struct DenseSide {
  Count num_rows = 0, num_inner = 0;
  std::vector<double> value;
  std::vector<char> has;
  std::vector<std::int64_t> time;

  std::size_t at(Count row, Count u) const { return static_cast<std::size_t>(row * num_inner + u); }
};

/// A pair with what it is worth on one side of the product.
struct DensePair {
  Count user = 0, item = 0;
  double value = 0;
  std::int64_t time = 0;
};

inline DenseSide dense_side(const std::vector<DensePair>& pairs, Count num_users, Count num_items,
                            bool of_items) {
  DenseSide side{of_items ? num_items : num_users, of_items ? num_users : num_items, {}, {}, {}};
  const auto size = static_cast<std::size_t>(num_users * num_items);
  side.value.assign(size, 0);
  side.has.assign(size, 0);
  side.time.assign(size, 0);
  for (const auto& pair : pairs) {
    const std::size_t at = of_items ? side.at(pair.item, pair.user) : side.at(pair.user, pair.item);
    side.value[at] = pair.value;
    side.has[at] = 1;
    side.time[at] = pair.time;
  }
  return side;
}

/// Scores of all pairs of rows by the formulas as the papers have them, one pair after the other, in double.
/// @param right  columns; the same as left unless events differ
class DenseSimilarity {
 public:
  DenseSimilarity(DenseSide left, DenseSide right, const SimilarityConfig& config)
      : left_(std::move(left)), right_(std::move(right)), config_(config) {}

  double count(Count j, Count i) const {
    double count = 0;
    for (Count u = 0; u < left_.num_inner; ++u) count += both(j, i, u) ? 1 : 0;
    return count;
  }

  double score(Count j, Count i) const {
    const double c = count(j, i);
    if (c < static_cast<double>(config_.min_support)) return 0;
    const double damped = config_.shrinkage > 0 ? c / (c + config_.shrinkage) : 1.0;
    return plain(j, i, c) * damped;
  }

 private:
  using Weight = std::function<double(const DenseSide&, Count, Count)>;

  bool both(Count j, Count i, Count u) const {
    if (!left_.has[left_.at(j, u)] || !right_.has[right_.at(i, u)]) return false;
    if (config_.window_days == 0) return true;
    const auto lag = static_cast<double>(right_.time[right_.at(i, u)] - left_.time[left_.at(j, u)]);
    const double most = config_.window_days * 86400;
    return config_.from_events == config_.to_events ? std::abs(lag) <= most : lag >= 0 && lag <= most;
  }
  bool is_binary() const {
    return config_.values == SimilarityValues::binary && config_.metric != SimilarityMetric::tanimoto &&
           config_.metric != SimilarityMetric::adjusted && config_.metric != SimilarityMetric::pearson;
  }
  double v(const DenseSide& side, Count row, Count u) const {
    if (!side.has[side.at(row, u)]) return 0;
    return is_binary() ? 1.0 : side.value[side.at(row, u)];
  }
  static double length_of_inner(const DenseSide& side, Count u) {
    double n = 0;
    for (Count row = 0; row < side.num_rows; ++row) n += side.has[side.at(row, u)];
    return n;
  }
  double sum_of_inner(const DenseSide& side, Count u) const {
    double sum = 0;
    for (Count row = 0; row < side.num_rows; ++row) sum += v(side, row, u);
    return sum;
  }
  double length(const DenseSide& side, Count row) const {
    double n = 0;
    for (Count u = 0; u < side.num_inner; ++u) n += side.has[side.at(row, u)];
    return n;
  }
  double sum(const DenseSide& side, Count row) const {
    double sum = 0;
    for (Count u = 0; u < side.num_inner; ++u) sum += v(side, row, u);
    return sum;
  }
  double idf(const DenseSide& side, Count u) const {
    return std::log((1.0 + static_cast<double>(side.num_rows)) / (1.0 + length_of_inner(side, u)));
  }
  double weight(const DenseSide& side, Count row, Count u) const {
    if (!side.has[side.at(row, u)]) return 0;
    const double value = v(side, row, u);
    switch (config_.metric) {
      case SimilarityMetric::tfidf:
        return std::sqrt(value) * idf(side, u);
      case SimilarityMetric::bm25: {
        double all = 0;
        for (Count r = 0; r < side.num_rows; ++r) all += sum(side, r);
        const double mean = all / static_cast<double>(side.num_rows);
        const double norm = 1 - config_.bm25_b + config_.bm25_b * sum(side, row) / mean;
        return value * (config_.bm25_k1 + 1) / (value + config_.bm25_k1 * norm) * idf(side, u);
      }
      case SimilarityMetric::adjusted:
        return value - sum_of_inner(side, u) / length_of_inner(side, u);
      case SimilarityMetric::pearson:
        return value - sum(side, row) / length(side, row);
      default:
        return value;
    }
  }
  double product(Count j, Count i) const {
    double p = 0;
    for (Count u = 0; u < left_.num_inner; ++u) {
      if (both(j, i, u)) p += weight(left_, j, u) * weight(right_, i, u);
    }
    return p;
  }
  double squares(const DenseSide& side, Count row) const {
    double sum = 0;
    for (Count u = 0; u < side.num_inner; ++u) sum += weight(side, row, u) * weight(side, row, u);
    return sum;
  }
  double plain(Count j, Count i, double c) const {
    const double n_j = length(left_, j), n_i = length(right_, i), n = static_cast<double>(left_.num_inner);
    switch (config_.metric) {
      case SimilarityMetric::jaccard:
        return c / (n_j + n_i - c);
      case SimilarityMetric::tanimoto:
        return product(j, i) / (squares(left_, j) + squares(right_, i) - product(j, i));
      case SimilarityMetric::llr:
        return log_likelihood_ratio(c, n_j - c, n_i - c, n - n_j - n_i + c);
      case SimilarityMetric::rp3beta:
        return walk(j, i) / std::pow(n_i, config_.beta);
      default: {
        const double norms = std::pow(squares(left_, j), config_.exponent) *
                             std::pow(squares(right_, i), 1 - config_.exponent);
        return norms > 0 ? product(j, i) / norms : 0;
      }
    }
  }
  double walk(Count j, Count i) const {
    double p = 0;
    for (Count u = 0; u < left_.num_inner; ++u) {
      if (!both(j, i, u)) continue;
      p += std::pow(v(left_, j, u) / sum(left_, j), config_.alpha) *
           std::pow(v(right_, i, u) / sum_of_inner(right_, u), config_.alpha);
    }
    return p;
  }
  /// G^2 = 2 sum of k ln (k / expected) over the four cells, where the pair comes together more than by
  /// chance.
  static double log_likelihood_ratio(double k11, double k12, double k21, double k22) {
    const double n = k11 + k12 + k21 + k22;
    if (k11 * n <= (k11 + k12) * (k11 + k21)) return 0;
    const auto cell = [&](double k, double row, double column) {
      return k > 0 ? k * std::log(k * n / (row * column)) : 0;
    };
    return 2 * (cell(k11, k11 + k12, k11 + k21) + cell(k12, k11 + k12, k12 + k22) +
                cell(k21, k21 + k22, k11 + k21) + cell(k22, k21 + k22, k12 + k22));
  }

  DenseSide left_, right_;
  SimilarityConfig config_;
};

}  // namespace pushcart::test
