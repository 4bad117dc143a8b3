#include "pushcart/comm/received_bytes.hpp"

#include <atomic>

namespace pushcart {

namespace {

std::atomic<Count> received{0};

}  // namespace

Count received_bytes() {
  return received.load(std::memory_order_relaxed);
}

void detail::count_received(Count num_bytes) {
  received.fetch_add(num_bytes, std::memory_order_relaxed);
}

}  // namespace pushcart
