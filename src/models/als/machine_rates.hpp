#pragma once

#include "models/als/stored_rows.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::als {

/// What this rank's threads together can do: the yardstick of a sweep, never the ground of a decision.
struct MachineRates {
  double flops = 0;             ///< of matrix products of the rotation's shape, floating-point operations/s
  double bytes_per_second = 0;  ///< reading whole rows of a table in scattered order
};

/// Measured in some milliseconds on the rows of `table` (this rank's part, of `num_rows`). Zero without rows.
/// Local.
MachineRates measure_rates(const FactorTable& table, Count num_rows, GatherPrecision precision);

}  // namespace pushcart::als
