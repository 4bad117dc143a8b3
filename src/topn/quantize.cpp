#include "topn/quantize.hpp"

#include <cmath>
#include <cstddef>

namespace pushcart::detail {

namespace {

constexpr std::size_t lanes = 8;  // partial sums that the compiler can keep in one vector

/// Covers the rounding of sums of squares of up to 2^20 terms.
constexpr double round_up = 1 + 1e-9;

double root_of(const double (&sums)[lanes]) {
  double sum = 0;
  for (double lane : sums) sum += lane;
  return std::sqrt(sum) * round_up;
}

}  // namespace

double largest_magnitude(std::span<const double> row) {
  double largest = 0;
  bool comparable = true;
  for (double value : row) {
    const double magnitude = std::fabs(value);
    comparable = comparable && magnitude == magnitude;
    largest = magnitude > largest ? magnitude : largest;
  }
  return comparable ? largest : NAN;
}

double scale_for(double magnitude, int levels) {
  return magnitude > 0 ? magnitude / levels : 1;
}

Quantized quantize(std::span<const double> row, double scale, int levels, std::int8_t* codes) {
  constexpr double to_whole = 0x1.8p52;  // adding and taking it away rounds to a whole number
  const double inverse = 1 / scale, limit = levels;
  double norms[lanes] = {}, code_norms[lanes] = {}, errors[lanes] = {};
  std::int32_t sum = 0;
  const auto add = [&](std::size_t i, std::size_t lane) {
    const double value = row[i];
    double code = (value * inverse + to_whole) - to_whole;
    code = code < limit ? code : limit;
    code = code > -limit ? code : -limit;
    const double rounded = code * scale, error = value - rounded;
    norms[lane] += value * value;
    code_norms[lane] += rounded * rounded;
    errors[lane] += error * error;
    codes[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(code));
    sum += codes[i];
  };
  const std::size_t full = row.size() / lanes * lanes;
  for (std::size_t i = 0; i < full; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) add(i + lane, lane);
  }
  for (std::size_t i = full; i < row.size(); ++i) add(i, i - full);
  return {root_of(norms), root_of(code_norms), root_of(errors), sum};
}

}  // namespace pushcart::detail
