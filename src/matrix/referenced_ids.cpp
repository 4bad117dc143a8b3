#include "matrix/referenced_ids.hpp"

#include <numeric>

#include "ingest/distinct_ids.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

ReferencedIds::ReferencedIds(const Communicator& comm, std::span<const ProvisionalId> named, Count num_owned)
    : comm_(comm), num_owned_(num_owned), send_counts_(static_cast<std::size_t>(comm.size()), 0) {
  plan(named.size(), [&](std::size_t i) { return named[i]; });
}

ReferencedIds::ReferencedIds(const Communicator& comm, const PairTable& table, Count num_owned)
    : comm_(comm), num_owned_(num_owned), send_counts_(static_cast<std::size_t>(comm.size()), 0) {
  plan(table.size(), [&](std::size_t p) { return table.pairs[p].item; });
}

template <class IdOf>
void ReferencedIds::plan(std::size_t count, IdOf&& id_of) {
  const auto slots = collectively(comm_, "plan the exchange of ids", [&] {
    DistinctIds distinct;
    positions_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) positions_.push_back(distinct.find_or_add(id_of(i)));
    size_ = distinct.ids().size();
    for (const ProvisionalId& id : distinct.ids()) ++send_counts_[id.owner];
    std::vector<Count> next(send_counts_.size());
    std::exclusive_scan(send_counts_.begin(), send_counts_.end(), next.begin(), Count{0});
    send_order_.resize(size_);
    std::vector<std::uint32_t> sent(size_);
    for (std::size_t k = 0; k < size_; ++k) {
      const ProvisionalId& id = distinct.ids()[k];
      const auto at = static_cast<std::size_t>(next[id.owner]++);
      send_order_[at] = static_cast<std::uint32_t>(k);
      sent[at] = id.slot;
    }
    return sent;
  });
  auto received = comm_.alltoallv(std::span<const std::uint32_t>(slots), send_counts_);
  received_slots_ = std::move(received.data);
  received_counts_ = std::move(received.counts);
}

std::vector<Count> ReferencedIds::sum_at_owners(std::span<const Count> values) const {
  PUSHCART_CHECK(values.size() == size_);
  std::vector<Count> packed(size_), arrived(received_slots_.size());
  for (std::size_t i = 0; i < size_; ++i) packed[i] = values[send_order_[i]];
  comm_.alltoallv_into(std::span<const Count>(packed), send_counts_, std::span<Count>(arrived),
                       received_counts_);
  std::vector<Count> sums(static_cast<std::size_t>(num_owned_), 0);
  for (std::size_t i = 0; i < arrived.size(); ++i) sums[received_slots_[i]] += arrived[i];
  return sums;
}

std::vector<Count> ReferencedIds::fetch(std::span<const Count> owned) const {
  PUSHCART_CHECK(static_cast<Count>(owned.size()) == num_owned_);
  std::vector<Count> packed(received_slots_.size()), arrived(size_), values(size_);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = owned[received_slots_[i]];
  comm_.alltoallv_into(std::span<const Count>(packed), received_counts_, std::span<Count>(arrived),
                       send_counts_);
  for (std::size_t i = 0; i < size_; ++i) values[send_order_[i]] = arrived[i];
  return values;
}

}  // namespace pushcart::detail
