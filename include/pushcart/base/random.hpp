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
  /// Standard normal (Box-Muller, one of the pair) from the stream's numbers 2n and 2n + 1.
  double normal(std::uint64_t n) const { return normal_of(uniform(2 * n), uniform(2 * n + 1)); }

  // Sequential use: these walk the same stream.
  std::uint64_t next() { return bits(position_++); }
  double next_uniform() { return uniform(position_++); }
  std::uint64_t next_below(std::uint64_t bound) { return below(position_++, bound); }
  /// Takes two numbers of the stream.
  double next_normal() {
    const double u = next_uniform();
    return normal_of(u, next_uniform());
  }

 private:
  static double normal_of(double u, double v) {
    return std::sqrt(-2.0 * std::log(1.0 - u)) * std::cos(2.0 * std::numbers::pi * v);
  }

  std::uint64_t base_;
  std::uint64_t position_ = 0;
};

}  // namespace pushcart
