#include "models/als/block_kernels_body.hpp"

namespace pushcart::als {

const BlockKernels block_kernels_avx512 = Blocks<16, 8, 2>::table();

}  // namespace pushcart::als
