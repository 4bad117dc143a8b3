#include "ingest/text_votes.hpp"

#include <cstring>

#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

std::uint32_t item_of(std::string_view candidate) {
  std::uint32_t item = 0;
  std::memcpy(&item, candidate.data(), sizeof(item));
  return item;
}
std::string_view text_of(std::string_view candidate) {
  return candidate.substr(sizeof(std::uint32_t));
}

}  // namespace

void TextVotes::Ballot::add(std::uint32_t item, std::string_view text, Count count) {
  if (item >= latest.size()) latest.resize(std::size_t{item} + 1, no_id);
  std::uint32_t& id = latest[item];
  if (id == no_id || text_of(candidates.texts()[id]) != text) {
    key.assign(reinterpret_cast<const char*>(&item), sizeof(item));
    key += text;
    id = candidates.find_or_add(hash64(key), key);
    if (id == votes.size()) votes.push_back(0);
  }
  votes[id] += count;
}

void TextVotes::vote(std::uint32_t item, std::string_view text) {
  batch_.add(item, text, 1);
}

void TextVotes::settle(const Communicator& comm, const SpreadIds& items) {
  if (items.alone()) return;  // batch items are slots: winners() reads the batch
  std::vector<int> owners;
  StringTable renamed;
  for (Count i = 0; i < batch_.candidates.size(); ++i) {
    const auto candidate = batch_.candidates.texts()[i];
    const ProvisionalId item = items[item_of(candidate)];
    std::string key(candidate);
    std::memcpy(key.data(), &item.slot, sizeof(item.slot));
    renamed.push_back(key);
    owners.push_back(item.owner);
  }
  const auto sent = send_texts(comm, renamed, 0, owners);
  std::vector<Count> counts;
  for (const Count position : sent.sent_order)
    counts.push_back(batch_.votes[static_cast<std::size_t>(position)]);
  const auto votes = comm.alltoallv(std::span<const Count>(counts), sent.sent_counts);
  collectively(comm, "count item names", [&] {
    for (Count i = 0; i < sent.texts.size(); ++i) {
      owned_.add(item_of(sent.texts[i]), text_of(sent.texts[i]), votes.data[static_cast<std::size_t>(i)]);
    }
  });
  batch_.candidates.clear();
  batch_.votes.clear();
  batch_.latest.clear();
}

StringTable TextVotes::winners(Count num_owned) const {
  const Ballot& ballot = owned_.votes.empty() ? batch_ : owned_;
  std::vector<Count> best(static_cast<std::size_t>(num_owned), -1);
  for (Count i = 0; i < ballot.candidates.size(); ++i) {
    const auto candidate = ballot.candidates.texts()[i];
    Count& leader = best[item_of(candidate)];
    const Count votes = ballot.votes[static_cast<std::size_t>(i)];
    const Count most = leader < 0 ? 0 : ballot.votes[static_cast<std::size_t>(leader)];
    if (votes > most || (votes == most && text_of(candidate) < text_of(ballot.candidates.texts()[leader])))
      leader = i;
  }
  StringTable result;
  for (const Count leader : best) {
    result.push_back(leader < 0 ? std::string_view{} : text_of(ballot.candidates.texts()[leader]));
  }
  return result;
}

Count TextVotes::memory_bytes() const {
  return batch_.candidates.memory_bytes() + owned_.candidates.memory_bytes() +
         static_cast<Count>((batch_.votes.capacity() + owned_.votes.capacity()) * sizeof(Count));
}

}  // namespace pushcart::detail
