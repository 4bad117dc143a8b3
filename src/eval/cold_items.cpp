#include "eval/cold_items.hpp"

#include "pushcart/ids/fetch_values.hpp"

namespace pushcart::detail {

HeldOut of_cold_items(const Communicator& comm, const Partition& items, std::span<const std::uint8_t> is_cold,
                      const HeldOut& held_out, Count& num_warm) {
  const SparseRows& rows = held_out.by_user;
  const auto entry_is_cold =
      fetch_values<std::uint8_t>(comm, items, is_cold, std::span<const Count>(rows.columns));
  HeldOut cold = held_out;
  cold.by_user = {rows.rows, rows.num_columns, {0}, {}, {}};
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (Count entry = rows.offsets[static_cast<std::size_t>(row)];
         entry < rows.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      const auto at = static_cast<std::size_t>(entry);
      if (!entry_is_cold[at]) continue;
      cold.by_user.columns.push_back(rows.columns[at]);
      cold.by_user.values.push_back(rows.values[at]);
    }
    cold.by_user.offsets.push_back(cold.by_user.num_entries());
  }
  num_warm += comm.sum(rows.num_entries() - cold.by_user.num_entries());
  return cold;
}

}  // namespace pushcart::detail
