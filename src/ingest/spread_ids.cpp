#include "ingest/spread_ids.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/fetch_strings.hpp"

namespace pushcart::detail {

ReceivedTexts send_texts(const Communicator& comm, const StringTable& texts, Count first,
                         std::span<const int> destinations) {
  const auto num_ranks = static_cast<std::size_t>(comm.size());
  ReceivedTexts result;
  result.sent_counts.assign(num_ranks, 0);
  std::vector<Count> byte_counts(num_ranks, 0);
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const auto rank = static_cast<std::size_t>(destinations[i]);
    ++result.sent_counts[rank];
    byte_counts[rank] += static_cast<Count>(texts[first + static_cast<Count>(i)].size());
  }
  std::vector<Count> next(num_ranks), next_byte(num_ranks);
  std::exclusive_scan(result.sent_counts.begin(), result.sent_counts.end(), next.begin(), Count{0});
  std::exclusive_scan(byte_counts.begin(), byte_counts.end(), next_byte.begin(), Count{0});
  result.sent_order.resize(destinations.size());
  std::vector<std::uint32_t> lengths(destinations.size());
  std::vector<char> bytes(
      static_cast<std::size_t>(std::accumulate(byte_counts.begin(), byte_counts.end(), Count{0})));
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const auto rank = static_cast<std::size_t>(destinations[i]);
    const auto text = texts[first + static_cast<Count>(i)];
    const auto at = static_cast<std::size_t>(next[rank]++);
    result.sent_order[at] = first + static_cast<Count>(i);
    lengths[at] = static_cast<std::uint32_t>(text.size());
    std::copy(text.begin(), text.end(), bytes.begin() + next_byte[rank]);
    next_byte[rank] += static_cast<Count>(text.size());
  }
  const auto got_lengths = comm.alltoallv(std::span<const std::uint32_t>(lengths), result.sent_counts);
  auto got_bytes = comm.alltoallv(std::span<const char>(bytes), byte_counts);
  std::vector<Count> offsets(got_lengths.data.size() + 1, 0);
  for (std::size_t i = 0; i < got_lengths.data.size(); ++i) offsets[i + 1] = offsets[i] + got_lengths.data[i];
  result.texts = StringTable(std::move(got_bytes.data), std::move(offsets));
  result.counts = got_lengths.counts;
  return result;
}

void SpreadIds::settle() {
  peak_table_size_ = std::max(peak_table_size_, table_.size());
  if (alone()) return;
  const auto first = static_cast<Count>(provisional_.size());
  std::vector<int> owners;
  owners.reserve(static_cast<std::size_t>(table_.size() - first));
  for (Count i = first; i < table_.size(); ++i)
    owners.push_back(hash_owner(hash64(table_.texts()[i]), comm_.size()));
  const auto sent = send_texts(comm_, table_.texts(), first, owners);

  const auto slots = collectively(comm_, "number ids", [&] {
    std::vector<std::uint32_t> found(static_cast<std::size_t>(sent.texts.size()));
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto id = sent.texts[static_cast<Count>(i)];
      found[i] = owned_.find_or_add(hash64(id), id);
    }
    return found;
  });
  std::vector<std::uint32_t> answers(sent.sent_order.size());
  comm_.alltoallv_into(std::span<const std::uint32_t>(slots), sent.counts, std::span<std::uint32_t>(answers),
                       sent.sent_counts);
  provisional_.resize(static_cast<std::size_t>(table_.size()));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto position = static_cast<std::size_t>(sent.sent_order[i]);
    provisional_[position] = {answers[i],
                              static_cast<std::uint16_t>(owners[position - static_cast<std::size_t>(first)])};
  }
}

StringTable SpreadIds::texts_of(std::span<const ProvisionalId> ids) const {
  StringTable texts;
  if (alone()) {
    for (const ProvisionalId& id : ids) texts.push_back(table_.texts()[id.slot]);
    return texts;
  }
  std::vector<int> owners;
  std::vector<Count> slots;
  for (const ProvisionalId& id : ids) {
    owners.push_back(id.owner);
    slots.push_back(id.slot);
  }
  return fetch_strings(comm_, owned_.texts(), owners, slots);
}

bool SpreadIds::forget_if_large() {
  if (alone() || table_.size() <= table_limit_) return false;
  table_.clear();
  provisional_.clear();
  return true;
}

}  // namespace pushcart::detail
