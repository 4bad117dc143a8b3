#include "models/similarity/score_kernels.hpp"

namespace pushcart::similarity {
namespace {

#include "models/similarity/score_body.hpp"
#include "models/similarity/slice_body.hpp"

}  // namespace

const ScoreKernels score_kernels_avx2{score_counters<unsigned char>,
                                      score_counters<unsigned short>,
                                      score_counters<unsigned>,
                                      score_sums,
                                      score_counts,
                                      sweep_slices};

}  // namespace pushcart::similarity
