#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/eval/evaluate.hpp"

namespace pushcart::detail {

/// Users whose weights are drawn at once by a thread.
inline constexpr Count bootstrap_tile_users = 128;

/// How often a user counts in a bootstrap replicate: Poisson with mean 1, at most 13.
/// @param random  uniform 32 bits
int poisson_weight(std::uint32_t random);

/// Column sums over all users of the job, and the same sums in each replicate, where every user has a weight.
struct BootstrapSums {
  std::vector<double> point;       ///< a sum a column
  std::vector<double> replicates;  ///< replicates x columns, row-major
};

/// Collective; the same bits on any number of ranks, in any order of users.
/// @param user_keys  hash of each user's external id
/// @param table      users x width, row-major, finite
BootstrapSums bootstrap_sums(const Communicator& comm, std::span<const std::uint64_t> user_keys,
                             std::span<const double> table, std::size_t width, Count replicates,
                             std::uint64_t seed);

/// A metric as a function of column sums.
using MetricOfSums = std::function<double(std::span<const double> sums)>;

/// 2.5 and 97.5 percentiles over the replicates (linear between order statistics); replicates in which the
/// metric is not a number (no user drawn) are left out. No replicates: no interval.
std::optional<ConfidenceInterval> percentile_interval(const BootstrapSums& sums, const MetricOfSums& metric);

}  // namespace pushcart::detail
