#include "models/similarity/sweep_kernels.hpp"

#include "pushcart/base/cpu_path.hpp"

namespace pushcart::similarity {

const SweepKernels& sweep_kernels() {
  switch (cpu_path()) {
    case CpuPath::avx512:
      return sweep_kernels_avx512;
    case CpuPath::avx2:
      return sweep_kernels_avx2;
    default:
      return sweep_kernels_portable;
  }
}

}  // namespace pushcart::similarity
