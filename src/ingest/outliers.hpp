#pragma once

#include <functional>
#include <vector>

#include "ingest/stored_rows.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Centre and scale of a column that single values cannot move.
struct RobustScale {
  double median = 0;
  double deviation = 0;  ///< median of |x - median|; of the non-zero ones, where more than half are 0
  /// Robust z = 0.6745 |x - median| / deviation (Iglewicz and Hoaglin 1993). 0 if all values are equal.
  double z(double value) const;
};

/// Median over all ranks of the numbers that `visit` hands to its argument: exact, the same for any number of
/// ranks; the mean of the middle two if their number is even; 0 if there are none. `visit` is called several
/// times and must give the same finite numbers >= 0 each time. Collective.
double global_median(const Communicator& comm,
                     const std::function<void(const std::function<void(double)>&)>& visit);

/// Flags rows whose |value| lies further than `threshold` from the rows that no enabled check up to here
/// dropped. `column` is RowBatch::quantities or ::prices. Collective.
void flag_outliers(const Communicator& comm, std::vector<RowBatch>& batches,
                   std::vector<float> RowBatch::*column, double threshold, Check check, FaultMask enabled);

}  // namespace pushcart::detail
