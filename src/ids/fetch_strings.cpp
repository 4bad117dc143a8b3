#include "pushcart/ids/fetch_strings.hpp"

#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

StringTable fetch_strings(const Communicator& comm, const Partition& partition, const StringTable& table,
                          std::span<const Count> wanted) {
  const Range mine = partition.range(comm.rank());
  PUSHCART_CHECK(table.size() == mine.size());
  std::vector<int> owners;
  owners.reserve(wanted.size());
  for (const Count index : wanted) owners.push_back(partition.owner(index));
  const SendOrder asking = order_by_rank(owners, comm.size());
  const auto asked = exchange_grouped<Count>(comm, wanted, asking);

  SendOrder answering{{}, asked.counts};
  answering.order.reserve(asked.data.size());
  for (const Count index : asked.data) answering.order.push_back(index - mine.begin);
  const StringTable answers = exchange_strings(comm, table, answering);

  // Answers come grouped by owner in the order asked: bring them back into the order wanted.
  std::vector<Count> answer_of(wanted.size());
  for (std::size_t i = 0; i < asking.order.size(); ++i) {
    answer_of[static_cast<std::size_t>(asking.order[i])] = static_cast<Count>(i);
  }
  StringTable result;
  result.reserve(static_cast<Count>(wanted.size()), answers.offsets().back());
  for (const Count answer : answer_of) result.push_back(answers[answer]);
  return result;
}

}  // namespace pushcart
