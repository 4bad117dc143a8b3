#include "pushcart/ids/fetch_strings.hpp"

#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

StringTable fetch_strings(const Communicator& comm, const Partition& partition, const StringTable& table,
                          std::span<const Count> wanted) {
  const Range mine = partition.range(comm.rank());
  PUSHCART_CHECK(table.size() == mine.size());
  std::vector<int> owners;
  std::vector<Count> rows;
  owners.reserve(wanted.size());
  rows.reserve(wanted.size());
  for (const Count index : wanted) {
    owners.push_back(partition.owner(index));
    rows.push_back(index - partition.range(owners.back()).begin);
  }
  return fetch_strings(comm, table, owners, rows);
}

StringTable fetch_strings(const Communicator& comm, const StringTable& table, std::span<const int> owners,
                          std::span<const Count> rows) {
  const SendOrder asking = order_by_rank(owners, comm.size());
  auto asked = exchange_grouped<Count>(comm, rows, asking);
  const StringTable answers = exchange_strings(comm, table, {std::move(asked.data), asked.counts});

  // Answers come grouped by owner in the order asked: bring them back into the order wanted.
  std::vector<Count> answer_of(rows.size());
  for (std::size_t i = 0; i < asking.order.size(); ++i) {
    answer_of[static_cast<std::size_t>(asking.order[i])] = static_cast<Count>(i);
  }
  StringTable result;
  result.reserve(static_cast<Count>(rows.size()), answers.offsets().back());
  for (const Count answer : answer_of) result.push_back(answers[answer]);
  return result;
}

}  // namespace pushcart
