#include "models/linear/row_sums.hpp"

#include "pushcart/base/cpu_path.hpp"

namespace pushcart::linear {

SumRows sum_rows() {
  switch (cpu_path()) {
    case CpuPath::avx512:
      return sum_rows_avx512;
    case CpuPath::avx2:
      return sum_rows_avx2;
    default:
      return sum_rows_portable;
  }
}

}  // namespace pushcart::linear
