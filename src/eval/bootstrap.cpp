#include "eval/bootstrap.hpp"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/base/sum_grid.hpp"
#include "pushcart/comm/exact_sum.hpp"

namespace pushcart::detail {

namespace {

constexpr Count max_weight = 16;  // above any weight that can be drawn

/// 32 random bits that reach threshold k make the weight at least k + 1.
constexpr std::array<std::uint32_t, 13> poisson_thresholds() {
  std::array<std::uint32_t, 13> thresholds{};
  double probability = 0.36787944117144233, cumulative = 0;  // exp(-1)
  for (std::size_t k = 0; k < thresholds.size(); ++k) {
    cumulative += probability;
    thresholds[k] = static_cast<std::uint32_t>(cumulative * 0x1p32);
    probability /= static_cast<double>(k + 1);
  }
  return thresholds;
}
constexpr auto thresholds = poisson_thresholds();

/// Weights of one user in all replicates.
void draw_weights(std::uint64_t seed, std::uint64_t user_key, std::vector<std::uint32_t>& random,
                  std::span<double> weights) {
  const RandomStream stream(seed, user_key);
  const std::size_t half = (weights.size() + 1) / 2;
  random.resize(2 * half);
  for (std::size_t i = 0; i < half; ++i) {
    const std::uint64_t bits = stream.bits(i);
    random[2 * i] = static_cast<std::uint32_t>(bits);
    random[2 * i + 1] = static_cast<std::uint32_t>(bits >> 32);
  }
  for (std::size_t b = 0; b < weights.size(); ++b) weights[b] = poisson_weight(random[b]);
}

/// Rounds each column to a grid on which sums of weighted entries are exact.
std::vector<double> on_grid(const Communicator& comm, std::span<const double> table, std::size_t width) {
  std::vector<double> largest(width, 0);
  for (std::size_t i = 0; i < table.size(); ++i) {
    PUSHCART_CHECK(std::isfinite(table[i]));
    largest[i % width] = std::max(largest[i % width], std::abs(table[i]));
  }
  comm.allreduce(std::span<double>(largest), Reduce::max);
  const Count num_terms = max_weight * comm.sum(static_cast<Count>(table.size() / width));
  std::vector<double> rounded(table.begin(), table.end());
  for (std::size_t column = 0; column < width; ++column) {
    const SumGrid grid(largest[column], num_terms);
    for (std::size_t i = column; i < rounded.size(); i += width) rounded[i] = grid.round(rounded[i]);
  }
  return rounded;
}

/// Adds weights' x table of some users to the sums; all terms and partial sums are exact, so order is free.
struct TileSummer {
  std::vector<double> sums, weights;
  std::vector<std::uint32_t> random;

  void add(std::span<const std::uint64_t> keys, const double* table, std::size_t width, Count replicates,
           std::uint64_t seed) {
    const auto num_replicates = static_cast<std::size_t>(replicates);
    sums.resize(num_replicates * width);
    weights.resize(static_cast<std::size_t>(bootstrap_tile_users) * num_replicates);
    for (std::size_t u = 0; u < keys.size(); ++u) {
      draw_weights(seed, keys[u], random, std::span(weights).subspan(u * num_replicates, num_replicates));
    }
    const auto columns = static_cast<int>(width), rows = static_cast<int>(replicates);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, columns, static_cast<int>(keys.size()), 1.0,
                weights.data(), rows, table, columns, 1.0, sums.data(), columns);
  }
};

double percentile(const std::vector<double>& ascending, double share) {
  const double position = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (position - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

}  // namespace

int poisson_weight(std::uint32_t random) {
  int weight = 0;
  for (const std::uint32_t threshold : thresholds) weight += random >= threshold ? 1 : 0;
  return weight;
}

BootstrapSums bootstrap_sums(const Communicator& comm, std::span<const std::uint64_t> user_keys,
                             std::span<const double> table, std::size_t width, Count replicates,
                             std::uint64_t seed) {
  PUSHCART_CHECK(width > 0 && table.size() == user_keys.size() * width);
  BootstrapSums result;
  result.point = exact_sum(comm, table, width);
  result.replicates.assign(static_cast<std::size_t>(replicates) * width, 0);
  if (replicates == 0) return result;
  const std::vector<double> rounded = on_grid(comm, table, width);
  openblas_set_num_threads(1);
  std::vector<TileSummer> threads(static_cast<std::size_t>(omp_get_max_threads()));
  const auto num_users = static_cast<Count>(user_keys.size());
  parallel_for((num_users + bootstrap_tile_users - 1) / bootstrap_tile_users, [&](Count tile) {
    const auto first = static_cast<std::size_t>(tile * bootstrap_tile_users);
    const auto size =
        static_cast<std::size_t>(std::min(bootstrap_tile_users, num_users - tile * bootstrap_tile_users));
    threads[static_cast<std::size_t>(omp_get_thread_num())].add(
        user_keys.subspan(first, size), rounded.data() + first * width, width, replicates, seed);
  });
  for (const TileSummer& thread : threads) {
    for (std::size_t i = 0; i < thread.sums.size(); ++i) result.replicates[i] += thread.sums[i];
  }
  comm.allreduce(std::span<double>(result.replicates), Reduce::sum);
  return result;
}

std::optional<ConfidenceInterval> percentile_interval(const BootstrapSums& sums, const MetricOfSums& metric) {
  const std::size_t width = sums.point.size();
  std::vector<double> values;
  for (std::size_t first = 0; first < sums.replicates.size(); first += width) {
    const double value = metric(std::span(sums.replicates).subspan(first, width));
    if (!std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  return ConfidenceInterval{percentile(values, 0.025), percentile(values, 0.975)};
}

}  // namespace pushcart::detail
