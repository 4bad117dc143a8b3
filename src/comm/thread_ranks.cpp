#include "pushcart/comm/thread_ranks.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "comm/thread_group.hpp"
#include "pushcart/base/silent_thread.hpp"

namespace pushcart {

void run_thread_ranks(int num_ranks, const std::function<void(const Communicator&)>& work) {
  const auto group = std::make_shared<detail::ThreadGroup>(num_ranks);
  const int threads_a_rank = omp_get_max_threads();
  std::mutex mutex;
  std::exception_ptr failure;  // of the rank that was the first to fail: others end because of it
  const auto keep = [&](std::exception_ptr met) {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::move(met);
  };
  const auto run_rank = [&](int rank) {
    const SilentThread silent;
    omp_set_num_threads(threads_a_rank);
    omp_set_max_active_levels(0);
    try {
      work(Communicator::of_thread(group, rank));
    } catch (...) {
      keep(std::current_exception());
    }
    group->end_rank();
  };
  std::vector<std::jthread> ranks;
  try {
    for (int rank = 0; rank < num_ranks; ++rank) ranks.emplace_back(run_rank, rank);
  } catch (const std::system_error& error) {
    const StorageError told(fmt::format("{} threads cannot be started: {}", num_ranks, error.what()));
    keep(std::make_exception_ptr(told));
    group->end_rank();
  }
  ranks.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pushcart
