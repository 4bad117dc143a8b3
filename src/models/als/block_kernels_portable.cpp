#include "models/als/block_kernels_body.hpp"

namespace pushcart::als {

const BlockKernels block_kernels_portable = Blocks<4, 4, 2>::table();

}  // namespace pushcart::als
