#include "pushcart/ids/dictionary_lookup.hpp"

#include <bit>

#include "pushcart/base/digest.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

std::vector<int> hash_owners(const StringTable& names, int num_ranks) {
  std::vector<int> owners;
  owners.reserve(static_cast<std::size_t>(names.size()));
  for (Count row = 0; row < names.size(); ++row) {
    owners.push_back(static_cast<int>(mix_bits(hash_text(names[row])) % static_cast<std::uint64_t>(num_ranks)));
  }
  return owners;
}

}  // namespace

DictionaryLookup::DictionaryLookup(const Communicator& comm, const Partition& partition, const StringTable& table)
    : comm_(comm) {
  const Range mine = partition.range(comm.rank());
  PUSHCART_CHECK(table.size() == mine.size());
  const SendOrder send = order_by_rank(hash_owners(table, comm.size()), comm.size());
  std::vector<Count> indices;
  indices.reserve(static_cast<std::size_t>(mine.size()));
  for (Count index = mine.begin; index < mine.end; ++index) indices.push_back(index);
  names_ = exchange_strings(comm, table, send);
  indices_ = exchange_grouped<Count>(comm, indices, send).data;

  slots_.assign(std::bit_ceil(indices_.size() * 2 + 1), -1);
  for (Count row = 0; row < names_.size(); ++row) slots_[static_cast<std::size_t>(slot_of(names_[row]))] = row;
}

Count DictionaryLookup::slot_of(std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_text(name) & mask;
  while (slots_[slot] >= 0 && names_[slots_[slot]] != name) slot = (slot + 1) & mask;
  return static_cast<Count>(slot);
}

std::vector<Count> DictionaryLookup::find(const StringTable& names) const {
  const SendOrder asking = order_by_rank(hash_owners(names, comm_.size()), comm_.size());
  const StringTable asked = exchange_strings(comm_, names, asking);
  std::vector<Count> answers;
  answers.reserve(static_cast<std::size_t>(asked.size()));
  for (Count row = 0; row < asked.size(); ++row) {
    const Count found = slots_[static_cast<std::size_t>(slot_of(asked[row]))];
    answers.push_back(found < 0 ? -1 : indices_[static_cast<std::size_t>(found)]);
  }
  const auto counts = comm_.exchange_counts(asking.counts);
  const auto answered = comm_.alltoallv(std::span<const Count>(answers), std::span<const Count>(counts));
  std::vector<Count> result(static_cast<std::size_t>(names.size()));
  for (std::size_t i = 0; i < asking.order.size(); ++i) {
    result[static_cast<std::size_t>(asking.order[i])] = answered.data[i];
  }
  return result;
}

}  // namespace pushcart
