#include <immintrin.h>

#include "models/als/row_kernels_body.hpp"

namespace pushcart::als {
namespace {

using Path = Kernels<16, 4>;
template <>
inline Path::Floats Path::root(Floats v) {
  return _mm512_maskz_sqrt_ps(0xFFFF, v);
}

}  // namespace

const RowKernels row_kernels_avx512 = Path::table();

}  // namespace pushcart::als
