#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "pushcart/base/digest.hpp"

namespace pushcart {

/// Counter-based random numbers: the n-th value of stream (seed, key) is a pure function of (seed, key, n),
/// so that values depend on what they are for (an external id, say), never on ranks, threads or order.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t key) : base_(mix_bits(mix_bits(seed) ^ key)) {}

  std::uint64_t bits(std::uint64_t n) const { return mix_bits(base_ + n * 0x9e3779b97f4a7c15ULL); }
  /// Uniform in [0, 1).
  double uniform(std::uint64_t n) const { return static_cast<double>(bits(n) >> 11) * 0x1.0p-53; }
  /// Uniform integer in [0, bound), bound > 0.
  std::uint64_t below(std::uint64_t n, std::uint64_t bound) const {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits(n)) * bound) >> 64);
  }
  /// Standard normal (Box-Muller, one of the pair).
  double normal(std::uint64_t n) const {
    const double u = 1.0 - uniform(2 * n), v = uniform(2 * n + 1);
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

  // Sequential use: next() walks the same stream.
  std::uint64_t next() { return bits(position_++); }
  double next_uniform() { return uniform(position_++); }
  std::uint64_t next_below(std::uint64_t bound) { return below(position_++, bound); }
  double next_normal() {
    const double value = normal(position_);
    ++position_;
    return value;
  }

 private:
  std::uint64_t base_;
  std::uint64_t position_ = 0;
};

}  // namespace pushcart
