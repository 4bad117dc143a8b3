#include "models/als/prior_means.hpp"

#include <omp.h>

#include <algorithm>
#include <array>

#include "models/als/dense.hpp"
#include "models/als/granule_sums.hpp"

namespace pushcart::als {

PriorMeans::PriorMeans(const Communicator& comm, const WorkShares& shares, Count k)
    : shares_(shares),
      k_(k),
      lent_(comm, shares, k),
      threads_(static_cast<std::size_t>(omp_get_max_threads())) {
  for (Scratchpad& mine : threads_) {
    mine.centre.resize(static_cast<std::size_t>(k));
    mine.widened.resize(static_cast<std::size_t>(k));
  }
}

void PriorMeans::begin(const FactorTable& means, double alpha0, std::span<const double> eigenvalues) {
  PUSHCART_CHECK(means.num_columns == k_);
  means_ = &means;
  diagonal_.assign(eigenvalues.begin(), eigenvalues.end());
  for (double& value : diagonal_) value *= alpha0;
}

std::span<const double> PriorMeans::centre_of(Count row, double rho) {
  const std::span<const float> mean =
      shares_.rows.is_own(row) ? means_->row(row) : lent_.solution(row - shares_.rows.num_own_rows());
  std::vector<double>& centre = threads_[static_cast<std::size_t>(omp_get_thread_num())].centre;
  for (std::size_t c = 0; c < centre.size(); ++c) {
    centre[c] = rho / (diagonal_[c] + rho) * static_cast<double>(mean[c]);
  }
  return centre;
}

void PriorMeans::lower(Count row, double rho, const GatheredRows& rows,
                       std::span<const std::int32_t> positions, GatherPrecision precision, float* targets,
                       std::span<float> x) {
  const std::span<const double> centre = centre_of(row, rho);
  const std::span<float> widened = threads_[static_cast<std::size_t>(omp_get_thread_num())].widened;
  for (std::size_t entry = 0; entry < positions.size(); ++entry) {
    const float* const z = floats_of(rows[positions[entry]], precision, widened);
    const double score = dot_wide(z, centre.data(), k_);
    targets[entry] = static_cast<float>(static_cast<double>(targets[entry]) - score);
  }
  for (std::size_t c = 0; c < x.size(); ++c) x[c] = static_cast<float>(static_cast<double>(x[c]) - centre[c]);
}

void PriorMeans::raise(Count row, double rho, std::span<float> x) {
  const std::span<const double> centre = centre_of(row, rho);
  for (std::size_t c = 0; c < x.size(); ++c) x[c] = static_cast<float>(static_cast<double>(x[c]) + centre[c]);
}

std::vector<double> PriorMeans::pull(Count row, double rho) const {
  const auto mean = means_->row(row);
  std::vector<double> pull(mean.begin(), mean.end());
  for (double& value : pull) value *= rho;
  return pull;
}

Traffic PriorMeans::planned(const WorkShares& shares, Count k) {
  const Count row_bytes = k * Count{sizeof(float)};
  return {shares.num_lent_here * row_bytes, static_cast<Count>(shares.lent_rows.size()) * row_bytes};
}

double weighted_distances(const Communicator& comm, const SparseRows& rows, Count num_rows,
                          const std::function<double(Count row_length)>& regularization,
                          const FactorTable& factors, const FactorTable& means) {
  return sum_over_rows<1>(comm, factors.rows, num_rows, [&](Count row) {
    const Count length = rows.row_length(row);
    double squares = 0;
    const auto x = factors.row(row), m = means.row(row);
    for (std::size_t c = 0; c < x.size() && length > 0; ++c) {
      const double difference = static_cast<double>(x[c]) - static_cast<double>(m[c]);
      squares += difference * difference;
    }
    return std::array{length > 0 ? regularization(length) * squares : 0.0};
  })[0];
}

}  // namespace pushcart::als
