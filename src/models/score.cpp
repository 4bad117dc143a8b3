#include "pushcart/models/score.hpp"

#include <array>
#include <cstddef>

namespace pushcart {

double factor_dot(std::span<const float> x, std::span<const float> y) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> sums{};
  const std::size_t full = x.size() / lanes * lanes;
  for (std::size_t i = 0; i < full; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      sums[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(y[i + lane]);
    }
  }
  for (std::size_t i = full; i < x.size(); ++i) {
    sums[i - full] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

float factor_score(float item_bias, std::span<const float> x, std::span<const float> y) {
  return static_cast<float>(static_cast<double>(item_bias) + factor_dot(x, y));
}

}  // namespace pushcart
