#pragma once

#include <functional>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Runs `work` once for each of so many ranks that are threads of this process, to find out what ranks of
/// another job would do: what it holds and takes, all of them hold and take here together. Their communicator
/// has all collectives, but cannot be split or duplicated, starts no requests, and has no MPI handle. What a
/// rank receives is counted by its thread (received_bytes); it writes no log. It cuts its work for as many
/// threads as OpenMP has here, and does all of it itself. Local. Throws what the first rank to fail threw;
/// StorageError if so many threads cannot be started.
void run_thread_ranks(int num_ranks, const std::function<void(const Communicator&)>& work);

}  // namespace pushcart
