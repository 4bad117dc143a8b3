#include "models/similarity/score_kernels.hpp"

#include "pushcart/base/cpu_path.hpp"

namespace pushcart::similarity {

const ScoreKernels& score_kernels() {
  switch (cpu_path()) {
    case CpuPath::avx512:
      return score_kernels_avx512;
    case CpuPath::avx2:
      return score_kernels_avx2;
    default:
      return score_kernels_portable;
  }
}

}  // namespace pushcart::similarity
