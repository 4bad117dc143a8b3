#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::detail {

/// The basis in which factors are quantized to 8 bits. A row's codes share one scale, so a few large columns
/// cost all others their digits. x' = H D^-1 x and y' = H D y have the same products as x and y, where D
/// (powers of two) gives columns of both sides like magnitudes, and H (Walsh and Hadamard's matrix after a
/// random change of signs, in blocks of powers of two columns) spreads what is large over all columns: norms
/// stay, the largest magnitude falls to about sqrt(2 log k / k) of the norm. In double: what rounding adds is
/// far below what the screens allow for.
class CodeBasis {
 public:
  CodeBasis() = default;
  /// Balanced for these rows and items of all ranks. Collective.
  CodeBasis(const Communicator& comm, const FactorTable& rows, const FactorTable& items);

  /// @param out  as many as the row has
  void transform_row(std::span<const float> row, double* out) const { transform(row, row_scales_, out); }
  void transform_item(std::span<const float> item, double* out) const { transform(item, item_scales_, out); }
  /// Euclidean norm of y', up to rounding.
  double item_norm(std::span<const float> item) const;

 private:
  static void transform(std::span<const float> from, const std::vector<double>& scales, double* out);

  std::vector<double> row_scales_, item_scales_;  ///< by column: of D, signs, and of H to be orthogonal
  std::vector<double> item_weights_;              ///< by column: D
};

}  // namespace pushcart::detail
