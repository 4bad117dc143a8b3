#include <algorithm>

#include "models/similarity/score_kernels.hpp"

namespace pushcart::similarity {
namespace {

#include "models/similarity/place_body.hpp"
#include "models/similarity/score_body.hpp"
#include "models/similarity/slice_body.hpp"

}  // namespace

const ScoreKernels score_kernels_portable{take_counters<unsigned char>,
                                          take_counters<unsigned short>,
                                          take_counters<unsigned>,
                                          score_sums,
                                          score_counts,
                                          sweep_slices,
                                          places_of};

}  // namespace pushcart::similarity
