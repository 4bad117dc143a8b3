#include "models/als/block_kernels_body.hpp"

namespace pushcart::als {

const BlockKernels block_kernels_avx2 = Blocks<8, 4, 2>::table();

}  // namespace pushcart::als
