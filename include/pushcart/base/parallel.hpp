#pragma once

#include <omp.h>

#include <atomic>
#include <exception>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Calls body(i) for i in [0, count) on the OpenMP threads, handed out one by one in ascending order (put the
/// heaviest first). The first exception is kept and thrown after the loop; C++ cannot carry it out by itself.
template <class Body>
void parallel_for(Count count, Body&& body) {
  std::exception_ptr first;
  std::atomic<bool> failed{false};
#pragma omp parallel for schedule(dynamic, 1)
  for (Count i = 0; i < count; ++i) {
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      body(i);
    } catch (...) {
      if (!failed.exchange(true)) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace pushcart
