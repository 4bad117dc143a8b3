#include "models/als/row_method.hpp"

#include <algorithm>

namespace pushcart::als {
namespace {

/// A pass over a gathered row reads a float from cache for each multiply-add, where products of matrices use
/// each several times.
constexpr double streaming = 1.75;
/// Multiply-adds with each entry's row: right side, residual, and two for each of the usual three steps.
constexpr double passes = 9;
/// What a row costs beside its entries, and that they are padded to a multiple of four, in entries.
constexpr double entries_a_row = 2;

}  // namespace

double cost_of_row(RowMethod method, Count entries, Count columns) {
  const double d = static_cast<double>(entries), k = static_cast<double>(columns);
  switch (method) {
    case RowMethod::dual_group:
      return d * (d + 4) * k / 2 + d * d * d / 3 + streaming * 2 * d * k;
    case RowMethod::dual:
      return d * (d + 4) * k / 2 + d * d * d / 2 + streaming * 4 * d * k;
    case RowMethod::primal:
      return k * k * d / 2 + k * k * k / 2 + streaming * 4 * d * k;
    case RowMethod::gradients:
      break;
  }
  return streaming * passes * (d + entries_a_row) * k;
}

RowMethod method_of_row(AlsSolver solver, Count d, Count k) {
  if (solver == AlsSolver::cg) return RowMethod::gradients;
  const RowMethod exact = d >= k                  ? RowMethod::primal
                          : d <= longest_in_group ? RowMethod::dual_group
                                                  : RowMethod::dual;
  if (solver == AlsSolver::exact) return exact;
  // What iterations start from has been rotated before.
  const double rotation = static_cast<double>(k) * static_cast<double>(k);
  const double gradients = cost_of_row(RowMethod::gradients, d, k) + rotation;
  return cost_of_row(exact, d, k) <= gradients ? exact : RowMethod::gradients;
}

}  // namespace pushcart::als
