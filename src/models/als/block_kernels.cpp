#include "models/als/block_kernels.hpp"

#include "pushcart/base/cpu_path.hpp"

namespace pushcart::als {

const BlockKernels& block_kernels() {
  switch (cpu_path()) {
    case CpuPath::avx512:
      return block_kernels_avx512;
    case CpuPath::avx2:
      return block_kernels_avx2;
    default:
      return block_kernels_portable;
  }
}

}  // namespace pushcart::als
