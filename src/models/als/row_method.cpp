#include "models/als/row_method.hpp"

#include <algorithm>
#include <cmath>

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

double work_of_row(RowMethod method, Count entries, Count columns) {
  const double d = static_cast<double>(entries), k = static_cast<double>(columns);
  if (method == RowMethod::dual_group) {
    const double padded = static_cast<double>((entries + 3) / 4 * 4);
    return 0.62 * padded * (padded + 4) * k / 2 + d * d * d / 3 + 7 * d * k + 16 * k;
  }
  const double cost = cost_of_row(method, entries, columns);
  if (method != RowMethod::gradients) return cost;
  // Rows of 30 entries take some four steps, those of 150 and more five.
  const double steps = 1 + 0.12 * std::clamp(std::log2(d / 30) / std::log2(150.0 / 30), 0.0, 1.0);
  // A row of 0.75 MiB takes its cost, and each MiB more as much again, up to 2.5 times.
  constexpr double cached_bytes = 0.75 * (1 << 20), doubling_bytes = 1 << 20, most = 2.5;
  return cost * steps * std::clamp(1 + (d * k * sizeof(float) - cached_bytes) / doubling_bytes, 1.0, most);
}

double work_of_start(RowMethod method, Count columns) {
  constexpr double product_speed = 4;  // of what cost_of_row counts
  const double k = static_cast<double>(columns);
  return method == RowMethod::gradients ? k * k / product_speed : 0;
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
