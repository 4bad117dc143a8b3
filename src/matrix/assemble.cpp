#include "pushcart/matrix/assemble.hpp"

#include <algorithm>

#include "matrix/row_routing.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

/// @param row_of  row of each of `count` entries of this rank
template <class RowOf>
Partition balanced_partition(const Communicator& comm, Count num_rows, std::size_t count, RowOf&& row_of) {
  const Count granule = Partition::granule(num_rows);
  std::vector<Count> lengths(static_cast<std::size_t>(Partition::num_granules(num_rows)), 0);
  for (std::size_t i = 0; i < count; ++i) {
    const Count row = row_of(i);
    PUSHCART_CHECK(0 <= row && row < num_rows);
    ++lengths[static_cast<std::size_t>(row / granule)];
  }
  comm.allreduce(std::span<Count>(lengths), Reduce::sum);
  return partition_by_work(num_rows, lengths, comm.size());
}

}  // namespace

Partition partition_by_work(Count num_rows, std::span<const Count> granule_entries, int num_ranks) {
  // A row's share of Gram matrix, rotation and scoring, in units of one interaction's work.
  constexpr double cost_of_a_row = 32.0;
  const Count granule = Partition::granule(num_rows);
  std::vector<double> costs;
  for (std::size_t g = 0; g < granule_entries.size(); ++g) {
    const Count rows = std::min(granule, num_rows - static_cast<Count>(g) * granule);
    costs.push_back(static_cast<double>(granule_entries[g]) + cost_of_a_row * static_cast<double>(rows));
  }
  return Partition::balanced(num_rows, costs, num_ranks);
}

Partition partition_by_entries(const Communicator& comm, Count num_rows, std::span<const Count> row_of_entry) {
  return balanced_partition(comm, num_rows, row_of_entry.size(), [&](std::size_t i) { return row_of_entry[i]; });
}

Dataset assemble_dataset(const Communicator& comm, Count num_users, Count num_items, Interactions interactions,
                         ValueKind value_kind) {
  auto& pairs = interactions.pairs;
  const std::size_t num_types = interactions.types.size();
  PUSHCART_CHECK(interactions.type_strength.size() == pairs.size() * num_types);
  PUSHCART_CHECK(interactions.type_last_time.size() == pairs.size() * num_types);
  const auto user_of = [&](std::size_t i) { return pairs[i].user; };
  const auto item_of = [&](std::size_t i) { return pairs[i].item; };
  Dataset dataset;
  dataset.value_kind = value_kind;
  dataset.users = balanced_partition(comm, num_users, pairs.size(), user_of);
  dataset.items = balanced_partition(comm, num_items, pairs.size(), item_of);

  detail::RowRouting routing(comm, dataset.users, num_items, pairs.size(), user_of, item_of);
  dataset.by_user.rows = dataset.users.range(comm.rank());
  dataset.by_user.num_columns = num_items;
  dataset.by_user.offsets = routing.offsets();
  dataset.by_user.columns = routing.take_columns();
  dataset.by_user.values = routing.bring([&](std::size_t i) { return pairs[i].value; });
  const auto bring_times = [&](auto&& time_of) {
    bool has_times = false;
    for (std::size_t i = 0; i < pairs.size() && !has_times; ++i) has_times = time_of(i) != 0;
    if (comm.any(has_times)) return routing.bring(time_of);
    return std::vector<std::int64_t>(dataset.by_user.values.size(), 0);
  };
  dataset.last_time = bring_times([&](std::size_t i) { return pairs[i].last_time; });
  for (std::size_t type = 0; type < num_types; ++type) {
    EventColumn column;
    column.type = interactions.types[type];
    column.strength = routing.bring([&](std::size_t i) { return interactions.type_strength[i * num_types + type]; });
    column.last_time = bring_times([&](std::size_t i) { return interactions.type_last_time[i * num_types + type]; });
    dataset.events.push_back(std::move(column));
  }
  interactions = {};
  if (num_types == 0) dataset.events.push_back({"event", dataset.by_user.values, dataset.last_time});
  dataset.by_item = transpose(comm, dataset.by_user, dataset.items, num_users);
  dataset.held_out.num_columns = num_items;

  std::int64_t latest = 0;
  for (const std::int64_t time : dataset.last_time) latest = std::max(latest, time);
  dataset.cutoff_time = comm.allreduce(latest, Reduce::max);
  return dataset;
}

SparseRows rows_by_owner(const Communicator& comm, const Partition& rows, Count num_columns,
                         std::span<const Interaction> pairs) {
  detail::RowRouting routing(
      comm, rows, num_columns, pairs.size(), [&](std::size_t i) { return pairs[i].user; },
      [&](std::size_t i) { return pairs[i].item; });
  SparseRows result;
  result.rows = rows.range(comm.rank());
  result.num_columns = num_columns;
  result.offsets = routing.offsets();
  result.columns = routing.take_columns();
  result.values = routing.bring([&](std::size_t i) { return pairs[i].value; });
  return result;
}

StringTable strings_by_owner(const Communicator& comm, const Partition& partition, std::span<const Count> indices,
                             const StringTable& texts) {
  PUSHCART_CHECK(static_cast<Count>(indices.size()) == texts.size());
  std::vector<int> owners;
  std::vector<Count> wanted;  // positions in texts
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0) continue;
    owners.push_back(partition.owner(indices[i]));
    wanted.push_back(static_cast<Count>(i));
  }
  SendOrder send = order_by_rank(owners, comm.size());
  for (Count& position : send.order) position = wanted[static_cast<std::size_t>(position)];
  const auto received = exchange_grouped<Count>(comm, indices, send).data;
  const StringTable arrived = exchange_strings(comm, texts, send);
  const Range mine = partition.range(comm.rank());
  std::vector<Count> text_of(static_cast<std::size_t>(mine.size()), -1);
  for (std::size_t i = 0; i < received.size(); ++i) {
    Count& slot = text_of[static_cast<std::size_t>(received[i] - mine.begin)];
    PUSHCART_CHECK(slot < 0);
    slot = static_cast<Count>(i);
  }
  StringTable result;
  result.reserve(mine.size(), static_cast<Count>(arrived.bytes().size()));
  for (const Count row : text_of) result.push_back(row < 0 ? std::string_view{} : arrived[row]);
  return result;
}

}  // namespace pushcart
