#pragma once

#include <cmath>
#include <numbers>

#include "pushcart/base/index.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart::synth {

/// What random numbers are for: streams of different purposes are unrelated.
enum class Purpose : std::uint64_t {
  category = 1,
  noun,
  age_group,
  ranking,
  item,
  activity,
  user,
  behaviour,
  dirt
};

/// Random numbers of all shapes from one stream, used one after another.
class Draw {
 public:
  Draw(std::uint64_t seed, Purpose purpose, Count index)
      : stream_(seed,
                mix_bits(static_cast<std::uint64_t>(purpose) << 56) ^ static_cast<std::uint64_t>(index)) {}

  std::uint64_t bits() { return stream_.next(); }
  double uniform() { return stream_.next_uniform(); }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  Count below(Count bound) {
    return static_cast<Count>(stream_.next_below(static_cast<std::uint64_t>(bound)));
  }
  bool happens(double probability) { return uniform() < probability; }

  /// Standard normal, Box and Muller: both of a pair are used.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// Number of failures before the first success: 0, 1, 2 ... with this mean.
  Count geometric(double mean) {
    return static_cast<Count>(std::log(1.0 - uniform()) / std::log(mean / (1.0 + mean)));
  }

 private:
  RandomStream stream_;
  double spare_ = 0;
  bool has_spare_ = false;
};

inline double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

}  // namespace pushcart::synth
