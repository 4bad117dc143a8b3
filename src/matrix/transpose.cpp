#include <algorithm>
#include <cstdint>
#include <numeric>

#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

/// One entry on its way to the owner of its column. Both numbers count from the first row of their rank.
struct MovingEntry {
  std::uint32_t column;
  std::uint32_t row;
  float value;
};

/// The entries in order of row, for each owner of columns.
struct OutgoingEntries {
  std::vector<MovingEntry> entries;
  std::vector<Count> counts;  ///< by owner
};

/// Calls use(owner of the column, row, entry) for all entries. A row's columns ascend, and so do their
/// owners.
template <class Use>
void visit_entries(const SparseRows& rows, const Partition& columns, Use&& use) {
  const auto& cuts = columns.cuts();
  for (Count row = 0; row < rows.num_rows(); ++row) {
    std::size_t owner = 0;
    const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    const auto end = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]);
    for (std::size_t entry = begin; entry < end; ++entry) {
      while (rows.columns[entry] >= cuts[owner + 1]) ++owner;
      use(owner, row, entry);
    }
  }
}

OutgoingEntries group_by_owner(const SparseRows& rows, const Partition& columns) {
  OutgoingEntries out;
  out.counts.assign(static_cast<std::size_t>(columns.num_ranks()), 0);
  visit_entries(rows, columns, [&](std::size_t owner, Count, std::size_t) { ++out.counts[owner]; });
  std::vector<Count> next(out.counts.size());
  std::exclusive_scan(out.counts.begin(), out.counts.end(), next.begin(), Count{0});
  out.entries.resize(rows.columns.size());
  visit_entries(rows, columns, [&](std::size_t owner, Count row, std::size_t entry) {
    out.entries[static_cast<std::size_t>(next[owner]++)] = {
        static_cast<std::uint32_t>(rows.columns[entry] - columns.cuts()[owner]),
        static_cast<std::uint32_t>(row), rows.values[entry]};
  });
  return out;
}

}  // namespace

SparseRows transpose(const Communicator& comm, const SparseRows& rows, const Partition& columns,
                     Count num_rows_global) {
  PUSHCART_CHECK(rows.num_columns == columns.num_rows());
  const Range mine = columns.range(comm.rank());
  constexpr Count most = Count{1} << 32;  // rows that one rank can own
  PUSHCART_CHECK(rows.num_rows() < most && mine.size() < most);
  const auto first_rows = comm.allgather(rows.rows.begin);
  OutgoingEntries outgoing = group_by_owner(rows, columns);
  Received<MovingEntry> arrived;
  if (comm.size() == 1) {
    arrived = {std::move(outgoing.entries), std::move(outgoing.counts)};
  } else {
    arrived = comm.alltoallv(std::span<const MovingEntry>(outgoing.entries),
                             std::span<const Count>(outgoing.counts));
    outgoing = {};
  }

  SparseRows result;
  result.rows = mine;
  result.num_columns = num_rows_global;
  result.offsets.assign(static_cast<std::size_t>(mine.size()) + 1, 0);
  for (const MovingEntry& entry : arrived.data) ++result.offsets[std::size_t{entry.column} + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  std::vector<Count> next(result.offsets.begin(), result.offsets.end() - 1);
  result.columns.resize(arrived.data.size());
  result.values.resize(arrived.data.size());
  // Ranks in order own rows in order, so every column's rows come ascending.
  auto entry = arrived.data.begin();
  for (std::size_t source = 0; source < arrived.counts.size(); ++source) {
    for (const auto end = entry + arrived.counts[source]; entry != end; ++entry) {
      const auto at = static_cast<std::size_t>(next[entry->column]++);
      result.columns[at] = first_rows[source] + Count{entry->row};
      result.values[at] = entry->value;
    }
  }
  return result;
}

}  // namespace pushcart
