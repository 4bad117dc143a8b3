#include "pushcart/comm/received_bytes.hpp"

namespace pushcart {

namespace {

thread_local Count received = 0;  // only the thread that is the rank communicates

}  // namespace

Count received_bytes() {
  return received;
}

void detail::count_received(Count num_bytes) {
  received += num_bytes;
}

}  // namespace pushcart
