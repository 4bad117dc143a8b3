#pragma once

#include <span>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/comm/request.hpp"

namespace pushcart {

/// Starts to fill `bytes` (under 2 GiB) on every rank with those of `root`; sizes must agree, and the memory
/// must stay until the request is complete. Collective: operations on one communicator are started in the
/// same order on all ranks. Complete at once on a single rank.
Request start_broadcast(const Communicator& comm, std::span<std::byte> bytes, int root);

}  // namespace pushcart
