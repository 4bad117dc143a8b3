#include "pushcart/matrix/assemble.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/base/parallel.hpp"
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

/// Brings element_of(i) to the owner of row_of(i), for i in [0, count): by source rank, then in order of i.
template <class RowOf, class ElementOf>
auto bring_to_owners(const Communicator& comm, const Partition& partition, std::size_t count, RowOf&& row_of,
                     ElementOf&& element_of) {
  using Element = std::decay_t<decltype(element_of(std::size_t{}))>;
  std::vector<Count> counts(static_cast<std::size_t>(comm.size()), 0);
  for (std::size_t i = 0; i < count; ++i) ++counts[static_cast<std::size_t>(partition.owner(row_of(i)))];
  std::vector<Count> next(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), Count{0});
  std::vector<Element> grouped(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto owner = static_cast<std::size_t>(partition.owner(row_of(i)));
    grouped[static_cast<std::size_t>(next[owner]++)] = element_of(i);
  }
  if (comm.size() == 1) return grouped;
  return comm.alltoallv(std::span<const Element>(grouped), std::span<const Count>(counts)).data;
}

/// One entry of a sparse matrix on its way to the owner of its row.
struct Entry {
  Count row;
  Count column;
  float value;
};

/// Sorts each row's entries (positions in `source`) by column; rows that come in order are left as they are.
void sort_rows_by_column(std::span<const Count> offsets, std::span<const Entry> entries, std::span<Count> source) {
  const auto num_rows = static_cast<Count>(offsets.size()) - 1;
  constexpr Count rows_at_once = 1024;
  parallel_for((num_rows + rows_at_once - 1) / rows_at_once, [&](Count part) {
    std::vector<std::pair<Count, Count>> keyed;  // column, position in entries
    for (Count row = part * rows_at_once; row < std::min(num_rows, (part + 1) * rows_at_once); ++row) {
      const auto begin = static_cast<std::size_t>(offsets[static_cast<std::size_t>(row)]);
      const auto end = static_cast<std::size_t>(offsets[static_cast<std::size_t>(row) + 1]);
      keyed.clear();
      for (std::size_t i = begin; i < end; ++i) {
        keyed.emplace_back(entries[static_cast<std::size_t>(source[i])].column, source[i]);
      }
      if (std::is_sorted(keyed.begin(), keyed.end())) continue;
      std::sort(keyed.begin(), keyed.end());
      for (std::size_t i = begin; i < end; ++i) source[i] = keyed[i - begin].second;
    }
  });
}

/// Sorts entries into rows. @return the matrix, and for each of its positions the entry that it came from
std::pair<SparseRows, std::vector<Count>> rows_of_entries(Range rows, Count num_columns,
                                                          std::span<const Entry> entries) {
  SparseRows result;
  result.rows = rows;
  result.num_columns = num_columns;
  result.offsets.assign(static_cast<std::size_t>(rows.size()) + 1, 0);
  for (const Entry& entry : entries) {
    PUSHCART_CHECK(rows.contains(entry.row) && 0 <= entry.column && entry.column < num_columns);
    ++result.offsets[static_cast<std::size_t>(entry.row - rows.begin) + 1];
  }
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  std::vector<Count> source(entries.size());
  std::vector<Count> next(result.offsets.begin(), result.offsets.end() - 1);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    source[static_cast<std::size_t>(next[static_cast<std::size_t>(entries[i].row - rows.begin)]++)] =
        static_cast<Count>(i);
  }
  sort_rows_by_column(result.offsets, entries, source);
  result.columns.reserve(entries.size());
  result.values.reserve(entries.size());
  for (const Count i : source) {
    result.columns.push_back(entries[static_cast<std::size_t>(i)].column);
    result.values.push_back(entries[static_cast<std::size_t>(i)].value);
  }
  for (Count row = 0; row < rows.size(); ++row) {
    const auto columns = result.row_columns(row);
    PUSHCART_CHECK(std::adjacent_find(columns.begin(), columns.end()) == columns.end());
  }
  return {std::move(result), std::move(source)};
}

template <class T>
std::vector<std::remove_const_t<T>> permuted(std::span<T> values, std::span<const Count> source) {
  std::vector<std::remove_const_t<T>> result;
  result.reserve(source.size());
  for (const Count i : source) result.push_back(values[static_cast<std::size_t>(i)]);
  return result;
}

}  // namespace

Partition partition_by_work(Count num_rows, std::span<const Count> granule_entries, int num_ranks) {
  // A row's share of Gram matrix, rotation and scoring, in units of one interaction's work.
  constexpr double cost_of_a_row = 16.0;
  const Count granule = Partition::granule(num_rows);
  std::vector<double> costs;
  for (std::size_t g = 0; g < granule_entries.size(); ++g) {
    const Count rows = std::min(granule, num_rows - static_cast<Count>(g) * granule);
    costs.push_back(static_cast<double>(granule_entries[g]) + cost_of_a_row * static_cast<double>(rows));
  }
  return Partition::balanced(num_rows, costs, num_ranks);
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

  const std::size_t count = pairs.size();
  const auto entries = bring_to_owners(comm, dataset.users, count, user_of, [&](std::size_t i) {
    return Entry{pairs[i].user, pairs[i].item, pairs[i].value};
  });
  auto [by_user, source] = rows_of_entries(dataset.users.range(comm.rank()), num_items, entries);
  dataset.by_user = std::move(by_user);
  const auto bring_column = [&](auto&& element_of) {
    const auto arrived = bring_to_owners(comm, dataset.users, count, user_of, element_of);
    return permuted(std::span(arrived), source);
  };
  dataset.last_time = bring_column([&](std::size_t i) { return pairs[i].last_time; });
  for (std::size_t type = 0; type < num_types; ++type) {
    EventColumn column;
    column.type = interactions.types[type];
    column.strength = bring_column([&](std::size_t i) { return interactions.type_strength[i * num_types + type]; });
    column.last_time = bring_column([&](std::size_t i) { return interactions.type_last_time[i * num_types + type]; });
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
  const auto entries = bring_to_owners(
      comm, rows, pairs.size(), [&](std::size_t i) { return pairs[i].user; },
      [&](std::size_t i) { return Entry{pairs[i].user, pairs[i].item, pairs[i].value}; });
  return rows_of_entries(rows.range(comm.rank()), num_columns, entries).first;
}

SparseRows transpose(const Communicator& comm, const SparseRows& rows, const Partition& columns,
                     Count num_rows_global) {
  std::vector<Count> row_of_entry;
  row_of_entry.reserve(rows.columns.size());
  for (Count row = 0; row < rows.num_rows(); ++row) {
    row_of_entry.insert(row_of_entry.end(), static_cast<std::size_t>(rows.row_length(row)), rows.rows.begin + row);
  }
  const auto entries = bring_to_owners(
      comm, columns, rows.columns.size(), [&](std::size_t i) { return rows.columns[i]; },
      [&](std::size_t i) { return Entry{rows.columns[i], row_of_entry[i], rows.values[i]}; });
  return rows_of_entries(columns.range(comm.rank()), num_rows_global, entries).first;
}

StringTable strings_by_owner(const Communicator& comm, const Partition& partition, std::span<const Count> indices,
                             const StringTable& texts) {
  PUSHCART_CHECK(static_cast<Count>(indices.size()) == texts.size());
  std::vector<int> owners;
  owners.reserve(indices.size());
  for (const Count index : indices) owners.push_back(partition.owner(index));
  const SendOrder send = order_by_rank(owners, comm.size());
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
  for (const Count row : text_of) result.push_back(row < 0 ? std::string_view{} : arrived[row]);
  return result;
}

}  // namespace pushcart
