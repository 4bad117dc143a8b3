#include "models/similarity/sweep_kernels.hpp"

namespace pushcart::similarity {
namespace {

using Mask = unsigned long long;

template <class T>
Mask at_least(const T* chunk, T least) {
  T largest = 0;
  for (int c = 0; c < 64; ++c) largest = largest > chunk[c] ? largest : chunk[c];
  if (largest < least) return 0;
  Mask mask = 0;
  for (int c = 0; c < 64; ++c) mask |= static_cast<Mask>(chunk[c] >= least) << c;
  return mask;
}

Mask at_least(const float* chunk, const float* z, float p, float q) {
  Mask mask = 0;
  for (int c = 0; c < 64; ++c) {
    mask |= static_cast<Mask>((chunk[c] > 0.0F) & (chunk[c] >= p + q * z[c])) << c;
  }
  return mask;
}

template <class T>
void clear(T* chunk) {
  for (int c = 0; c < 64; ++c) chunk[c] = T{};
}

#include "models/similarity/sweep_body.hpp"

#include "models/similarity/slice_body.hpp"

}  // namespace

const SweepKernels sweep_kernels_portable{sweep_counters<unsigned char>, sweep_counters<unsigned short>,
                                          sweep_counters<unsigned>, sweep_sums, sweep_slices};

}  // namespace pushcart::similarity
