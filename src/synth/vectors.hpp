#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "synth/draw.hpp"

namespace pushcart::synth {

inline float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

inline void add_scaled(std::span<float> target, float scale, std::span<const float> vector) {
  for (std::size_t d = 0; d < target.size(); ++d) target[d] += scale * vector[d];
}

inline void set_length(std::span<float> vector, float length) {
  const float scale = length / std::sqrt(dot(vector, vector));
  for (float& value : vector) value *= scale;
}

/// A vector of length 1, every direction alike.
inline std::vector<float> random_direction(Draw& draw, Count num_dimensions) {
  std::vector<float> vector;
  for (Count d = 0; d < num_dimensions; ++d) vector.push_back(static_cast<float>(draw.normal()));
  set_length(vector, 1.0F);
  return vector;
}

}  // namespace pushcart::synth
