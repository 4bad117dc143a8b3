#include "models/als/row_kernels_body.hpp"

namespace pushcart::als {
namespace {

using Path = Kernels<4, 2>;
template <>
inline Path::Floats Path::root(Floats v) {
  for (int lane = 0; lane < 4; ++lane) v[lane] = __builtin_sqrtf(v[lane]);
  return v;
}

}  // namespace

const RowKernels row_kernels_portable = Path::table();

}  // namespace pushcart::als
