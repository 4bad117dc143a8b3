#include "models/linear/row_sums.hpp"
#include "models/linear/row_sums_body.hpp"

namespace pushcart::linear {

void sum_rows_portable(const float* const* rows, const float* weights, Count count, Count width, float* sum) {
  sum_rows_here(rows, weights, count, width, sum);
}

}  // namespace pushcart::linear
