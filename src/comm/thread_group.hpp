#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "pushcart/base/error.hpp"
#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// Another rank ended where this one waited for it.
struct RankEnded : InternalError {
  RankEnded() : InternalError("a rank ended while others waited for it") {}
};

/// Ranks that are threads of one process, and their collectives: every rank shows the others where its part
/// lies, takes what it needs of theirs, and goes on when all have taken. RankEnded where one will never come.
class ThreadGroup {
 public:
  explicit ThreadGroup(int size) : shown_(static_cast<std::size_t>(size), nullptr) {}

  int size() const { return static_cast<int>(shown_.size()); }

  void barrier();
  void broadcast(int rank, char* data, std::size_t num_bytes, int root);
  std::vector<char> allgather(int rank, std::span<const std::byte> bytes, std::vector<Count>& byte_counts);
  void exchange_counts(int rank, const Count* send_counts, std::span<Count> receive_counts);
  void alltoallv(int rank, const char* send, std::span<const Count> send_counts, char* receive,
                 std::span<const Count> receive_counts, std::size_t element_bytes);
  /// In ascending order of the ranks. @param combine  reduces so many elements with as many others, in place
  void allreduce(int rank, char* values, std::size_t count, std::size_t element_bytes,
                 const std::function<void(char* into, const char* from, std::size_t count)>& combine);

  /// To be called when a rank's work has ended, well or not: no rank waits for it any more.
  void end_rank();

 private:
  /// @param use  gets what each rank shows, which stays as it is until all ranks have used it
  template <class T, class Use>
  void meet(int rank, T& mine, Use&& use) {
    shown_[static_cast<std::size_t>(rank)] = &mine;
    barrier();
    std::exception_ptr failure;  // must not take away what others still use
    try {
      use([this](int other) -> T& { return *static_cast<T*>(shown_[static_cast<std::size_t>(other)]); });
    } catch (...) {
      failure = std::current_exception();
    }
    barrier();
    if (failure) std::rethrow_exception(failure);
  }

  std::vector<void*> shown_;
  std::mutex mutex_;
  std::condition_variable all_arrived_;
  int num_arrived_ = 0;
  Count rounds_ = 0;
  bool any_ended_ = false;
};

}  // namespace pushcart::detail
