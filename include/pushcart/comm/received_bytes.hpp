#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Bytes that other ranks have sent this one since the program began, by the collectives that bring each rank
/// what is its own: alltoallv and those made of it. What all ranks get alike (sums, broadcasts, allgather)
/// and counts of elements are no part of it; point-to-point requests say their own (Request::num_bytes).
/// Local; for the thread that communicates.
Count received_bytes();

namespace detail {

/// Adds to it. Local.
void count_received(Count num_bytes);

}  // namespace detail

}  // namespace pushcart
