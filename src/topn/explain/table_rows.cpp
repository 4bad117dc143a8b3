#include "topn/explain/table_rows.hpp"

#include <algorithm>

#include "pushcart/base/error.hpp"
#include "topn/remote_items.hpp"

namespace pushcart::detail {

TableRows::TableRows(const Communicator& comm, const Partition& partition, const FactorTable& table,
                     std::span<const Count> items)
    : table_(table), items_(items_of_others(items, partition.range(comm.rank()))) {
  auto requests = comm.alltoallv(std::span<const Count>(items_), counts_by_owner(partition, items_));
  const Count width = comm.allreduce(table.num_columns, Reduce::max);
  std::vector<float> answers;
  answers.reserve(requests.data.size() * static_cast<std::size_t>(width));
  for (const Count item : requests.data) {
    const auto row = table.row(item - table.rows.begin);
    answers.insert(answers.end(), row.begin(), row.end());
  }
  for (Count& count : requests.counts) count *= width;
  // Owners are contiguous ranges, so what comes back by rank is in the order of items_.
  values_ = comm.alltoallv(std::span<const float>(answers), requests.counts).data;
}

const float* TableRows::row(Count item) const {
  if (table_.rows.contains(item)) return table_.row(item - table_.rows.begin).data();
  const auto found = std::lower_bound(items_.begin(), items_.end(), item);
  PUSHCART_EXPECT(found != items_.end() && *found == item);
  return values_.data() + (found - items_.begin()) * table_.num_columns;
}

}  // namespace pushcart::detail
