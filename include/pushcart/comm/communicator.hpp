#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/index.hpp"
#include "pushcart/comm/datatype.hpp"
#include "pushcart/comm/request.hpp"
#include "pushcart/comm/waiting.hpp"

namespace pushcart {

/// An MPI call failed. Cannot be agreed upon between ranks: climbs to main, which aborts the job.
struct MpiError : Error {
  explicit MpiError(const std::string& text) : Error(ExitCode::internal, text) {}
};

/// Throws MpiError, naming the call, unless `code` says success.
void check_mpi(int code, const char* call);

enum class Reduce { sum, min, max };

namespace detail {
class ThreadGroup;
}

/// What alltoallv delivers: the elements by ascending source rank, and how many came from each.
template <class T>
struct Received {
  std::vector<T> data;
  std::vector<Count> counts;
};

/// A group of ranks. Owns its MPI communicator; move-only. Errors become MpiError. All counts are 64-bit: long
/// messages are sent in bounded rounds here and nowhere else. Every member function but rank(), size() and those
/// named start_send and start_receive is collective over the communicator.
class Communicator {
 public:
  /// A duplicate of the world. Collective over all ranks of the job.
  static Communicator world();
  /// Of a rank that is a thread of this process (run_thread_ranks). Local.
  static Communicator of_thread(std::shared_ptr<detail::ThreadGroup> threads, int rank);

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }
  MPI_Comm handle() const { return comm_; }

  /// Longest single MPI message, in bytes, that the rounds below make (tests set it to 7 elements or so).
  void set_round_bytes(Count round_bytes) { round_bytes_ = round_bytes; }

  Communicator duplicate() const;
  Communicator split(int color, int key) const;
  /// The ranks that share this rank's memory, in their order here.
  Communicator split_by_node() const;
  int ranks_on_node() const { return split_by_node().size(); }
  void barrier() const;

  /// Element-wise reduction in place. Floating-point sums are only order-independent on a common grid: see
  /// SumGrid and exact_sum.
  template <class T>
  void allreduce(std::span<T> values, Reduce op) const {
    if (threads_) return allreduce_of_threads(values.data(), values.size(), sizeof(T), combine<T>, op);
    for (std::size_t first = 0; first < values.size(); first += round_elements<T>()) {
      const auto round = values.subspan(first, std::min(round_elements<T>(), values.size() - first));
      const Waiting waiting("MPI_Allreduce");
      check_mpi(MPI_Allreduce(MPI_IN_PLACE, round.data(), checked_cast<int>(round.size()), number_datatype<T>(),
                          mpi_op(op), comm_),
            "MPI_Allreduce");
    }
  }
  template <class T>
  T allreduce(T value, Reduce op) const {
    allreduce(std::span<T>(&value, 1), op);
    return value;
  }
  Count sum(Count value) const { return allreduce(value, Reduce::sum); }
  bool any(bool value) const { return allreduce<std::int32_t>(value ? 1 : 0, Reduce::max) != 0; }
  bool all(bool value) const { return !any(!value); }

  /// Sum over the ranks before this one; 0 on rank 0.
  Count exclusive_sum(Count value) const;

  /// Fills `values` on every rank with those of `root`; sizes must agree.
  template <Sendable T>
  void broadcast(std::span<T> values, int root) const {
    broadcast_bytes(reinterpret_cast<char*>(values.data()), static_cast<Count>(values.size_bytes()), root);
  }
  template <Sendable T>
  T broadcast(T value, int root) const {
    broadcast(std::span<T>(&value, 1), root);
    return value;
  }
  /// Any length; other ranks' old content is dropped.
  template <Sendable T>
  void broadcast_resized(std::vector<T>& values, int root) const {
    values.resize(static_cast<std::size_t>(broadcast(static_cast<Count>(values.size()), root)));
    broadcast(std::span<T>(values), root);
  }
  std::string broadcast_text(std::string text, int root) const;

  /// One value of each rank, on every rank, by rank.
  template <Sendable T>
  std::vector<T> allgather(const T& value) const {
    return allgather(std::span<const T>(&value, 1)).data;
  }
  /// Any number of values of each rank, on every rank. For small things only: every rank holds all of it.
  template <Sendable T>
  Received<T> allgather(std::span<const T> values) const {
    std::vector<Count> byte_counts;
    const std::vector<char> bytes = allgather_bytes(std::as_bytes(values), byte_counts);
    return from_bytes<T>(bytes, std::move(byte_counts));
  }
  /// Everyone's values on `root`, nothing elsewhere.
  template <Sendable T>
  Received<T> gather(std::span<const T> values, int root) const {
    std::vector<Count> counts(static_cast<std::size_t>(size_), 0);
    counts[static_cast<std::size_t>(root)] = static_cast<Count>(values.size());
    return alltoallv(values, std::span<const Count>(counts));
  }

  /// Sends `send_counts[r]` consecutive elements of `send` to each rank r, in order. Runs in rounds of bounded
  /// message length; what comes back is ordered by source rank, then by the source's order.
  template <Sendable T>
  Received<T> alltoallv(std::span<const T> send, std::span<const Count> send_counts) const {
    Received<T> received;
    received.counts = exchange_counts(send_counts);
    Count total = 0;
    for (Count count : received.counts) total += count;
    received.data.resize(static_cast<std::size_t>(total));
    alltoallv_bytes(reinterpret_cast<const char*>(send.data()), send_counts,
                    reinterpret_cast<char*>(received.data.data()), received.counts, sizeof(T));
    return received;
  }
  /// As above into a buffer whose counts are already known (a planned exchange).
  template <Sendable T>
  void alltoallv_into(std::span<const T> send, std::span<const Count> send_counts, std::span<T> receive,
                      std::span<const Count> receive_counts) const {
    alltoallv_bytes(reinterpret_cast<const char*>(send.data()), send_counts,
                    reinterpret_cast<char*>(receive.data()), receive_counts, sizeof(T));
  }
  /// Begins sending to one rank, or receiving from one: messages between two ranks arrive in order. At most
  /// round_bytes each. Local; the memory must stay until the request is complete.
  template <Sendable T>
  [[nodiscard]] Request start_send(std::span<const T> values, int to) const {
    return start_send_bytes(values.data(), static_cast<Count>(values.size_bytes()), to);
  }
  template <Sendable T>
  [[nodiscard]] Request start_receive(std::span<T> values, int from) const {
    return start_receive_bytes(values.data(), static_cast<Count>(values.size_bytes()), from);
  }
  /// Begins a broadcast of at most round_bytes; every rank starts the same ones in the same order. Collective.
  template <Sendable T>
  [[nodiscard]] Request start_broadcast(std::span<T> values, int root) const {
    return start_broadcast_bytes(values.data(), static_cast<Count>(values.size_bytes()), root);
  }

  /// How many elements each rank will send here.
  std::vector<Count> exchange_counts(std::span<const Count> send_counts) const;

 private:
  explicit Communicator(MPI_Comm comm);
  Communicator(std::shared_ptr<detail::ThreadGroup> threads, int rank);
  static MPI_Op mpi_op(Reduce op);
  /// Reduces `count` numbers of one type with as many others, in place.
  using Combine = void (*)(void* into, const void* from, std::size_t count, Reduce op);
  template <class T>
  static void combine(void* into, const void* from, std::size_t count, Reduce op) {
    auto* const a = static_cast<T*>(into);
    const auto* const b = static_cast<const T*>(from);
    for (std::size_t i = 0; i < count; ++i) {
      if (op == Reduce::sum) a[i] = static_cast<T>(a[i] + b[i]);
      if (op == Reduce::min) a[i] = std::min(a[i], b[i]);
      if (op == Reduce::max) a[i] = std::max(a[i], b[i]);
    }
  }
  void allreduce_of_threads(void* values, std::size_t count, std::size_t element_bytes, Combine combine,
                            Reduce op) const;
  /// Throws InternalError in a rank that is a thread.
  void need_mpi(const char* what) const;
  template <class T>
  std::size_t round_elements() const {
    return std::max<std::size_t>(1, static_cast<std::size_t>(round_bytes_) / sizeof(T));
  }
  Request start_send_bytes(const void* data, Count num_bytes, int to) const;
  Request start_receive_bytes(void* data, Count num_bytes, int from) const;
  Request start_broadcast_bytes(void* data, Count num_bytes, int root) const;
  void broadcast_bytes(char* data, Count num_bytes, int root) const;
  std::vector<char> allgather_bytes(std::span<const std::byte> bytes, std::vector<Count>& byte_counts) const;
  void alltoallv_bytes(const char* send, std::span<const Count> send_counts, char* receive,
                       std::span<const Count> receive_counts, std::size_t element_bytes) const;
  template <class T>
  static Received<T> from_bytes(const std::vector<char>& bytes, std::vector<Count> byte_counts) {
    Received<T> result;
    result.data.resize(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(result.data.data(), bytes.data(), bytes.size());
    result.counts = std::move(byte_counts);
    for (Count& count : result.counts) count /= static_cast<Count>(sizeof(T));
    return result;
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  std::shared_ptr<detail::ThreadGroup> threads_;  ///< in place of comm_: its ranks
  int rank_ = 0;
  int size_ = 1;
  Count round_bytes_ = Count{1} << 28;
};

}  // namespace pushcart
