#include "models/als/row_kernels.hpp"

#include "pushcart/base/cpu_path.hpp"

namespace pushcart::als {

const RowKernels& row_kernels() {
  switch (cpu_path()) {
    case CpuPath::avx512:
      return row_kernels_avx512;
    case CpuPath::avx2:
      return row_kernels_avx2;
    default:
      return row_kernels_portable;
  }
}

}  // namespace pushcart::als
