#include "pushcart/comm/communicator.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "comm/thread_group.hpp"
#include "pushcart/comm/received_bytes.hpp"

namespace pushcart {

Communicator::Communicator(MPI_Comm comm) : comm_(comm) {
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator Communicator::world() {
  MPI_Comm comm = MPI_COMM_NULL;
  const Waiting waiting("MPI_Comm_dup");
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
  return Communicator(comm);
}

Communicator::Communicator(std::shared_ptr<detail::ThreadGroup> threads, int rank)
    : threads_(std::move(threads)), rank_(rank), size_(threads_->size()) {}

Communicator Communicator::of_thread(std::shared_ptr<detail::ThreadGroup> threads, int rank) {
  return Communicator(std::move(threads), rank);
}

Communicator::Communicator(Communicator&& other) noexcept { *this = std::move(other); }

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(threads_, other.threads_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  std::swap(round_bytes_, other.round_bytes_);
  return *this;
}

Communicator::~Communicator() {
  if (comm_ == MPI_COMM_NULL) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Comm_free(&comm_);
}

Communicator Communicator::duplicate() const {
  need_mpi("duplicate");
  MPI_Comm comm = MPI_COMM_NULL;
  const Waiting waiting("MPI_Comm_dup");
  check_mpi(MPI_Comm_dup(comm_, &comm), "MPI_Comm_dup");
  Communicator result(comm);
  result.round_bytes_ = round_bytes_;
  return result;
}

Communicator Communicator::split(int color, int key) const {
  need_mpi("split");
  MPI_Comm comm = MPI_COMM_NULL;
  const Waiting waiting("MPI_Comm_split");
  check_mpi(MPI_Comm_split(comm_, color, key, &comm), "MPI_Comm_split");
  Communicator result(comm);
  result.round_bytes_ = round_bytes_;
  return result;
}

Communicator Communicator::split_by_node() const {
  need_mpi("split_by_node");
  MPI_Comm node = MPI_COMM_NULL;
  const Waiting waiting("MPI_Comm_split_type");
  check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
            "MPI_Comm_split_type");
  Communicator result(node);
  result.round_bytes_ = round_bytes_;
  return result;
}

void Communicator::barrier() const {
  if (threads_) return threads_->barrier();
  const Waiting waiting("MPI_Barrier");
  check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
}

Count Communicator::exclusive_sum(Count value) const {
  if (threads_) {
    const auto values = allgather(value);
    return std::accumulate(values.begin(), values.begin() + rank_, Count{0});
  }
  Count before = 0;
  const Waiting waiting("MPI_Exscan");
  check_mpi(MPI_Exscan(&value, &before, 1, MPI_INT64_T, MPI_SUM, comm_), "MPI_Exscan");
  return rank_ == 0 ? 0 : before;
}

std::string Communicator::broadcast_text(std::string text, int root) const {
  text.resize(static_cast<std::size_t>(broadcast(static_cast<Count>(text.size()), root)));
  broadcast_bytes(text.data(), static_cast<Count>(text.size()), root);
  return text;
}

Request Communicator::start_send_bytes(const void* data, Count num_bytes, int to) const {
  need_mpi("start_send");
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Isend(data, checked_cast<int>(num_bytes), MPI_BYTE, to, 0, comm_, &request), "MPI_Isend");
  return Request(request);
}

Request Communicator::start_receive_bytes(void* data, Count num_bytes, int from) const {
  need_mpi("start_receive");
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Irecv(data, checked_cast<int>(num_bytes), MPI_BYTE, from, 0, comm_, &request), "MPI_Irecv");
  return Request(request);
}

Request Communicator::start_broadcast_bytes(void* data, Count num_bytes, int root) const {
  need_mpi("start_broadcast");
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibcast(data, checked_cast<int>(num_bytes), MPI_BYTE, root, comm_, &request), "MPI_Ibcast");
  return Request(request);
}

std::vector<Count> Communicator::exchange_counts(std::span<const Count> send_counts) const {
  PUSHCART_CHECK(static_cast<int>(send_counts.size()) == size_);
  std::vector<Count> receive_counts(send_counts.size());
  if (threads_) {
    threads_->exchange_counts(rank_, send_counts.data(), receive_counts);
    return receive_counts;
  }
  const Waiting waiting("MPI_Alltoall");
  check_mpi(MPI_Alltoall(send_counts.data(), 1, MPI_INT64_T, receive_counts.data(), 1, MPI_INT64_T, comm_),
        "MPI_Alltoall");
  return receive_counts;
}

void Communicator::broadcast_bytes(char* data, Count num_bytes, int root) const {
  if (threads_) return threads_->broadcast(rank_, data, static_cast<std::size_t>(num_bytes), root);
  for (Count first = 0; first < num_bytes; first += round_bytes_) {
    const int length = checked_cast<int>(std::min(round_bytes_, num_bytes - first));
    const Waiting waiting("MPI_Bcast");
    check_mpi(MPI_Bcast(data + first, length, MPI_BYTE, root, comm_), "MPI_Bcast");
  }
}

std::vector<char> Communicator::allgather_bytes(std::span<const std::byte> bytes,
                                                std::vector<Count>& byte_counts) const {
  if (threads_) return threads_->allgather(rank_, bytes, byte_counts);
  const Count mine = static_cast<Count>(bytes.size());
  byte_counts.resize(static_cast<std::size_t>(size_));
  {
    const Waiting waiting("MPI_Allgather");
    check_mpi(MPI_Allgather(&mine, 1, MPI_INT64_T, byte_counts.data(), 1, MPI_INT64_T, comm_),
              "MPI_Allgather");
  }
  const Count total = std::accumulate(byte_counts.begin(), byte_counts.end(), Count{0});
  std::vector<char> result(static_cast<std::size_t>(total));
  Count first = 0;
  for (int source = 0; source < size_; ++source) {
    const Count length = byte_counts[static_cast<std::size_t>(source)];
    if (source == rank_ && length > 0) std::memcpy(result.data() + first, bytes.data(), bytes.size());
    if (total > round_bytes_) broadcast_bytes(result.data() + first, length, source);
    first += length;
  }
  if (total <= round_bytes_) {
    std::vector<int> counts(byte_counts.size()), displacements(byte_counts.size());
    int position = 0;
    for (std::size_t r = 0; r < byte_counts.size(); ++r) {
      counts[r] = checked_cast<int>(byte_counts[r]);
      displacements[r] = position;
      position += counts[r];
    }
    const Waiting waiting("MPI_Allgatherv");
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, result.data(), counts.data(), displacements.data(), MPI_BYTE,
                         comm_),
          "MPI_Allgatherv");
  }
  return result;
}

void Communicator::alltoallv_bytes(const char* send, std::span<const Count> send_counts, char* receive,
                                   std::span<const Count> receive_counts, std::size_t element_bytes) const {
  const auto ranks = static_cast<std::size_t>(size_);
  PUSHCART_CHECK(send_counts.size() == ranks && receive_counts.size() == ranks);
  if (size_ == 1) {
    PUSHCART_CHECK(send_counts[0] == receive_counts[0]);
    if (send_counts[0] > 0) std::memcpy(receive, send, static_cast<std::size_t>(send_counts[0]) * element_bytes);
    return;
  }
  const Count from_others = std::accumulate(receive_counts.begin(), receive_counts.end(), Count{0}) -
                            receive_counts[static_cast<std::size_t>(rank_)];
  detail::count_received(from_others * static_cast<Count>(element_bytes));
  if (threads_) return threads_->alltoallv(rank_, send, send_counts, receive, receive_counts, element_bytes);
  // In a round each pair of ranks exchanges at most `per_pair` elements, so that no sum of lengths overflows.
  const Count per_pair = std::max<Count>(1, round_bytes_ / (static_cast<Count>(element_bytes) * size_));
  Count longest = 0;
  for (std::size_t r = 0; r < ranks; ++r) longest = std::max({longest, send_counts[r], receive_counts[r]});
  const Count rounds = allreduce((longest + per_pair - 1) / per_pair, Reduce::max);

  std::vector<int> send_length(ranks), send_at(ranks), receive_length(ranks), receive_at(ranks);
  std::vector<char> packed_send, packed_receive;
  if (rounds <= 1) {
    int send_position = 0, receive_position = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      send_length[r] = checked_cast<int>(send_counts[r] * static_cast<Count>(element_bytes));
      receive_length[r] = checked_cast<int>(receive_counts[r] * static_cast<Count>(element_bytes));
      send_at[r] = send_position;
      receive_at[r] = receive_position;
      send_position += send_length[r];
      receive_position += receive_length[r];
    }
    if (rounds == 1) {
      const Waiting waiting("MPI_Alltoallv");
      check_mpi(MPI_Alltoallv(send, send_length.data(), send_at.data(), MPI_BYTE, receive, receive_length.data(),
                          receive_at.data(), MPI_BYTE, comm_),
            "MPI_Alltoallv");
    }
    return;
  }
  std::vector<Count> send_first(ranks, 0), receive_first(ranks, 0);
  std::exclusive_scan(send_counts.begin(), send_counts.end(), send_first.begin(), Count{0});
  std::exclusive_scan(receive_counts.begin(), receive_counts.end(), receive_first.begin(), Count{0});
  const Count width = static_cast<Count>(element_bytes);
  for (Count round = 0; round < rounds; ++round) {
    const auto part_of = [&](Count count) { return std::clamp<Count>(count - round * per_pair, 0, per_pair); };
    packed_send.clear();
    int receive_position = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      send_at[r] = checked_cast<int>(packed_send.size());
      const char* from = send + (send_first[r] + round * per_pair) * width;
      packed_send.insert(packed_send.end(), from, from + part_of(send_counts[r]) * width);
      send_length[r] = checked_cast<int>(part_of(send_counts[r]) * width);
      receive_at[r] = receive_position;
      receive_length[r] = checked_cast<int>(part_of(receive_counts[r]) * width);
      receive_position += receive_length[r];
    }
    packed_receive.resize(static_cast<std::size_t>(receive_position));
    const Waiting waiting("MPI_Alltoallv");
    check_mpi(MPI_Alltoallv(packed_send.data(), send_length.data(), send_at.data(), MPI_BYTE, packed_receive.data(),
                        receive_length.data(), receive_at.data(), MPI_BYTE, comm_),
          "MPI_Alltoallv");
    for (std::size_t r = 0; r < ranks; ++r) {
      if (receive_length[r] > 0) {
        std::memcpy(receive + (receive_first[r] + round * per_pair) * width,
                    packed_receive.data() + receive_at[r], static_cast<std::size_t>(receive_length[r]));
      }
    }
  }
}

void Communicator::allreduce_of_threads(void* values, std::size_t count, std::size_t element_bytes,
                                        Combine reduce, Reduce op) const {
  threads_->allreduce(rank_, static_cast<char*>(values), count, element_bytes,
                      [&](char* into, const char* from, std::size_t num) { reduce(into, from, num, op); });
}

void Communicator::need_mpi(const char* what) const {
  if (threads_) throw InternalError(fmt::format("{}: ranks that are threads have none", what));
}

MPI_Op Communicator::mpi_op(Reduce op) {
  switch (op) {
    case Reduce::sum: return MPI_SUM;
    case Reduce::min: return MPI_MIN;
    case Reduce::max: return MPI_MAX;
  }
  return MPI_OP_NULL;
}

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError(fmt::format("{} failed: {}", call, text));
}

}  // namespace pushcart
