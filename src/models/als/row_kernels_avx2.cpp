#include <immintrin.h>

#include "models/als/row_kernels_body.hpp"

namespace pushcart::als {
namespace {

using Path = Kernels<8, 2>;
template <>
inline Path::Floats Path::root(Floats v) {
  return _mm256_sqrt_ps(v);
}

}  // namespace

const RowKernels row_kernels_avx2 = Path::table();

}  // namespace pushcart::als
