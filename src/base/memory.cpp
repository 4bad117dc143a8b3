#include "pushcart/base/memory.hpp"

#include <malloc.h>
#include <sys/resource.h>

#include <limits>
#include <numeric>

namespace pushcart {

Count MemoryPlan::total_bytes() const {
  return std::accumulate(parts_.begin(), parts_.end(), Count{0},
                         [](Count sum, const Part& part) { return sum + part.num_bytes; });
}

MemoryPlan larger(const MemoryPlan& a, const MemoryPlan& b) {
  return a.total_bytes() < b.total_bytes() ? b : a;
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int unlimited = std::numeric_limits<int>::max();
  mallopt(M_MMAP_THRESHOLD, unlimited);
  mallopt(M_TRIM_THRESHOLD, unlimited);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

Count peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<Count>(usage.ru_maxrss) * 1024;
}

}  // namespace pushcart
