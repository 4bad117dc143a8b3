#include "pushcart/ids/send_by_rank.hpp"

#include <numeric>

namespace pushcart {

SendOrder order_by_rank(std::span<const int> destinations, int num_ranks) {
  SendOrder send;
  send.counts.assign(static_cast<std::size_t>(num_ranks), 0);
  for (const int rank : destinations) ++send.counts[static_cast<std::size_t>(rank)];
  std::vector<Count> next(send.counts.size());
  std::exclusive_scan(send.counts.begin(), send.counts.end(), next.begin(), Count{0});
  send.order.resize(destinations.size());
  for (std::size_t position = 0; position < destinations.size(); ++position) {
    Count& at = next[static_cast<std::size_t>(destinations[position])];
    send.order[static_cast<std::size_t>(at++)] = static_cast<Count>(position);
  }
  return send;
}

StringTable exchange_strings(const Communicator& comm, const StringTable& texts, const SendOrder& send) {
  std::vector<Count> lengths;
  std::vector<char> bytes;
  lengths.reserve(send.order.size());
  std::size_t num_bytes = 0;
  for (const Count position : send.order) num_bytes += texts[position].size();
  bytes.reserve(num_bytes);
  for (const Count position : send.order) {
    const auto text = texts[position];
    lengths.push_back(static_cast<Count>(text.size()));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  std::vector<Count> byte_counts(send.counts.size(), 0);
  std::size_t at = 0;
  for (std::size_t rank = 0; rank < send.counts.size(); ++rank) {
    for (Count i = 0; i < send.counts[rank]; ++i) byte_counts[rank] += lengths[at++];
  }
  const auto received_lengths = comm.alltoallv(std::span<const Count>(lengths), std::span<const Count>(send.counts));
  auto received_bytes = comm.alltoallv(std::span<const char>(bytes), std::span<const Count>(byte_counts));
  std::vector<Count> offsets{0};
  offsets.reserve(received_lengths.data.size() + 1);
  for (const Count length : received_lengths.data) offsets.push_back(offsets.back() + length);
  return {std::move(received_bytes.data), std::move(offsets)};
}

}  // namespace pushcart
