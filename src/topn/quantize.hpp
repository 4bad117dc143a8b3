#pragma once

#include <cstdint>
#include <span>

namespace pushcart::detail {

/// A row as scale times whole numbers, and what that leaves out. Norms are Euclidean, in double, and rounded
/// up.
struct Quantized {
  double norm = 0;       ///< of the row
  double code_norm = 0;  ///< of scale times the codes
  double error = 0;      ///< of the difference
  std::int32_t sum = 0;  ///< of the codes
};

double largest_magnitude(std::span<const double> row);  ///< NaN if there is one

/// Scale for which the largest magnitude gets the code `levels`; 1 for zero.
double scale_for(double magnitude, int levels);

/// codes[i] = row[i] / scale, rounded, within +-levels; for not a number any (the norms tell).
Quantized quantize(std::span<const double> row, double scale, int levels, std::int8_t* codes);

}  // namespace pushcart::detail
