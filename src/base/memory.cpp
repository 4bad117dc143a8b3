#include "pushcart/base/memory.hpp"

#include <sys/resource.h>

#include <numeric>

namespace pushcart {

Count MemoryPlan::total_bytes() const {
  return std::accumulate(parts_.begin(), parts_.end(), Count{0},
                         [](Count sum, const Part& part) { return sum + part.num_bytes; });
}

Count peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<Count>(usage.ru_maxrss) * 1024;
}

}  // namespace pushcart
