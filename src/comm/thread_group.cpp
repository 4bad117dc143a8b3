#include "comm/thread_group.hpp"

#include <cstring>

namespace pushcart::detail {

namespace {

void copy(char* to, const char* from, std::size_t num_bytes) {
  if (num_bytes > 0 && to != from) std::memcpy(to, from, num_bytes);
}

std::size_t bytes_of(Count count, std::size_t element_bytes) {
  return static_cast<std::size_t>(count) * element_bytes;
}

}  // namespace

void ThreadGroup::barrier() {
  std::unique_lock lock(mutex_);
  if (any_ended_) throw RankEnded();
  if (++num_arrived_ == size()) {
    num_arrived_ = 0;
    ++rounds_;
    all_arrived_.notify_all();
    return;
  }
  const Count round = rounds_;
  all_arrived_.wait(lock, [&] { return rounds_ != round || any_ended_; });
  if (rounds_ == round) throw RankEnded();
}

void ThreadGroup::end_rank() {
  const std::lock_guard lock(mutex_);
  any_ended_ = true;
  all_arrived_.notify_all();
}

void ThreadGroup::broadcast(int rank, char* data, std::size_t num_bytes, int root) {
  if (num_bytes == 0) return;
  meet(rank, *data, [&](const auto& of_rank) { copy(data, &of_rank(root), num_bytes); });
}

std::vector<char> ThreadGroup::allgather(int rank, std::span<const std::byte> bytes,
                                         std::vector<Count>& byte_counts) {
  std::vector<char> all;
  meet(rank, bytes, [&](const auto& of_rank) {
    byte_counts.clear();
    for (int source = 0; source < size(); ++source) {
      const auto* const begin = reinterpret_cast<const char*>(of_rank(source).data());
      byte_counts.push_back(static_cast<Count>(of_rank(source).size()));
      all.insert(all.end(), begin, begin + byte_counts.back());
    }
  });
  return all;
}

void ThreadGroup::exchange_counts(int rank, const Count* send_counts, std::span<Count> receive_counts) {
  meet(rank, send_counts, [&](const auto& of_rank) {
    for (int source = 0; source < size(); ++source)
      receive_counts[static_cast<std::size_t>(source)] = of_rank(source)[rank];
  });
}

void ThreadGroup::alltoallv(int rank, const char* send, std::span<const Count> send_counts, char* receive,
                            std::span<const Count> receive_counts, std::size_t element_bytes) {
  std::vector<const char*> parts;  // by destination
  for (const Count count : send_counts) {
    parts.push_back(send);
    send += bytes_of(count, element_bytes);
  }
  meet(rank, parts, [&](const auto& of_rank) {
    for (int source = 0; source < size(); ++source) {
      const std::size_t num_bytes = bytes_of(receive_counts[static_cast<std::size_t>(source)], element_bytes);
      copy(receive, of_rank(source)[static_cast<std::size_t>(rank)], num_bytes);
      receive += num_bytes;
    }
  });
}

void ThreadGroup::allreduce(
    int rank, char* values, std::size_t count, std::size_t element_bytes,
    const std::function<void(char* into, const char* from, std::size_t count)>& combine) {
  if (count == 0) return;
  const auto here = static_cast<std::size_t>(rank), ranks = static_cast<std::size_t>(size());
  // Each rank reduces a share of the numbers, and puts the result into the values of all.
  const std::size_t first = count * here / ranks, end = count * (here + 1) / ranks;
  meet(rank, *values, [&](const auto& of_rank) {
    const auto share_of = [&](int other) { return &of_rank(other) + first * element_bytes; };
    if (first == end) return;
    for (int other = 1; other < size(); ++other) combine(share_of(0), share_of(other), end - first);
    for (int other = 1; other < size(); ++other)
      copy(share_of(other), share_of(0), (end - first) * element_bytes);
  });
}

}  // namespace pushcart::detail
