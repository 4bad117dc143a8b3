#include "topn/exact_dot.hpp"

#include "pushcart/base/cpu_path.hpp"
#include "pushcart/models/score.hpp"

namespace pushcart::detail {

namespace {

double exact_dot_portable(const float* x, const float* y, long size) {
  const auto count = static_cast<std::size_t>(size);
  return factor_dot({x, count}, {y, count});
}

}  // namespace

ExactDot choose_exact_dot() {
#if defined(__x86_64__)
  if (cpu_path() == CpuPath::avx512) return exact_dot_avx512;
  if (cpu_path() == CpuPath::avx2) return exact_dot_avx2;
#endif
  return exact_dot_portable;
}

}  // namespace pushcart::detail
