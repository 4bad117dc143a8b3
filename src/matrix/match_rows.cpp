#include "matrix/match_rows.hpp"

#include "pushcart/base/indices_of.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::detail {

Matches first_of_each(const Communicator& comm, const Partition& partition,
                      const std::vector<Count>& index_of_row) {
  Matches found;
  std::vector<int> owners;
  for (std::size_t row = 0; row < index_of_row.size(); ++row) {
    if (index_of_row[row] < 0) continue;
    found.rows.push_back(static_cast<Count>(row));
    found.indices.push_back(index_of_row[row]);
    owners.push_back(partition.owner(index_of_row[row]));
  }
  const SendOrder send = order_by_rank(owners, comm.size());
  const auto received = exchange_grouped<Count>(comm, found.indices, send);
  const Range mine = partition.range(comm.rank());
  std::vector<std::uint8_t> taken(static_cast<std::size_t>(mine.size()), 0), is_first;
  for (const Count index : received.data) {
    auto& mark = taken[static_cast<std::size_t>(index - mine.begin)];
    is_first.push_back(mark == 0);
    mark = 1;
  }
  std::vector<std::uint8_t> answers(send.order.size());
  comm.alltoallv_into(std::span<const std::uint8_t>(is_first), received.counts,
                      std::span<std::uint8_t>(answers), send.counts);
  std::vector<std::uint8_t> stays(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i)
    stays[static_cast<std::size_t>(send.order[i])] = answers[i];
  Matches kept;
  for (std::size_t i = 0; i < stays.size(); ++i) {
    if (!stays[i]) continue;
    kept.rows.push_back(found.rows[i]);
    kept.indices.push_back(found.indices[i]);
  }
  return kept;
}

StringTable ids_at_owners(const Communicator& comm, const Partition& partition, Range known,
                          const StringTable& ids, const StringTable& new_ids,
                          const std::vector<Count>& index) {
  const Matches told_once = first_of_each(comm, partition, index);
  std::vector<Count> indices = indices_of(known);
  indices.insert(indices.end(), told_once.indices.begin(), told_once.indices.end());
  StringTable all_ids = ids;
  for (const Count row : told_once.rows) all_ids.push_back(new_ids[row]);
  return strings_by_owner(comm, partition, indices, all_ids);
}

}  // namespace pushcart::detail
