#include "pushcart/matrix/cut_dataset.hpp"

#include <algorithm>

#include "pushcart/matrix/assemble.hpp"

namespace pushcart {
namespace {

Partition partition_of(const SparseRows& rows, int num_ranks) {
  const Count granule = Partition::granule(rows.num_rows());
  std::vector<Count> lengths;
  for (Count row = 0; row < rows.num_rows(); row += granule) {
    lengths.push_back(rows.offsets[static_cast<std::size_t>(std::min(row + granule, rows.num_rows()))] -
                      rows.offsets[static_cast<std::size_t>(row)]);
  }
  return partition_by_work(rows.num_rows(), lengths, num_ranks);
}

template <class T>
std::vector<T> slice(const std::vector<T>& values, Count begin, Count end) {
  return {values.begin() + begin, values.begin() + end};
}

/// Rows `mine` of the whole.
SparseRows slice_rows(const SparseRows& whole, Range mine) {
  SparseRows rows;
  rows.rows = mine;
  rows.num_columns = whole.num_columns;
  const Count first = whole.offsets[static_cast<std::size_t>(mine.begin)],
              last = whole.offsets[static_cast<std::size_t>(mine.end)];
  rows.offsets = slice(whole.offsets, mine.begin, mine.end + 1);
  for (Count& offset : rows.offsets) offset -= first;
  rows.columns = slice(whole.columns, first, last);
  rows.values = slice(whole.values, first, last);
  return rows;
}

StringTable slice_texts(const StringTable& whole, Range mine) {
  const Count first = whole.offsets()[static_cast<std::size_t>(mine.begin)],
              last = whole.offsets()[static_cast<std::size_t>(mine.end)];
  auto offsets = slice(whole.offsets(), mine.begin, mine.end + 1);
  for (Count& offset : offsets) offset -= first;
  return {slice(whole.bytes(), first, last), std::move(offsets)};
}

std::vector<TextColumn> slice_columns(const std::vector<TextColumn>& whole, Range mine) {
  std::vector<TextColumn> columns;
  for (const TextColumn& column : whole) columns.push_back({column.name, slice_texts(column.values, mine)});
  return columns;
}

std::vector<ItemVectors> slice_vectors(const std::vector<ItemVectors>& whole, Range mine) {
  std::vector<ItemVectors> sets;
  for (const ItemVectors& set : whole) {
    sets.push_back({set.name, set.num_columns,
                    slice(set.values, mine.begin * set.num_columns, mine.end * set.num_columns)});
  }
  return sets;
}

Searches slice_searches(const Searches& whole, Range users, int rank, int num_ranks) {
  Searches part;
  part.queries = Partition::even(whole.queries.num_rows(), num_ranks);
  part.texts = slice_texts(whole.texts, part.queries.range(rank));
  const Count first = whole.offsets[static_cast<std::size_t>(users.begin)],
              last = whole.offsets[static_cast<std::size_t>(users.end)];
  part.offsets = slice(whole.offsets, users.begin, users.end + 1);
  for (Count& offset : part.offsets) offset -= first;
  part.query = slice(whole.query, first, last);
  part.item = slice(whole.item, first, last);
  part.time = slice(whole.time, first, last);
  return part;
}

void count_texts(DatasetSizes& sizes, const StringTable& texts) {
  sizes.texts += texts.size();
  sizes.text_bytes += static_cast<Count>(texts.bytes().size());
}

Count matrix_bytes(Count rows, Count entries) {
  return rows * Count{sizeof(Count)} + entries * Count{sizeof(Count) + sizeof(float)};
}

}  // namespace

std::vector<Dataset> cut_dataset(const Dataset& whole, int num_ranks) {
  const Partition users = partition_of(whole.by_user, num_ranks),
                  items = partition_of(whole.by_item, num_ranks);
  std::vector<Dataset> parts;
  for (int rank = 0; rank < num_ranks; ++rank) {
    const Range own_users = users.range(rank), own_items = items.range(rank);
    const Count first = whole.by_user.offsets[static_cast<std::size_t>(own_users.begin)],
                last = whole.by_user.offsets[static_cast<std::size_t>(own_users.end)];
    Dataset& part = parts.emplace_back();
    part.users = users;
    part.items = items;
    part.user_ids = slice_texts(whole.user_ids, own_users);
    part.item_ids = slice_texts(whole.item_ids, own_items);
    part.item_names = slice_texts(whole.item_names, own_items);
    part.user_attributes = slice_columns(whole.user_attributes, own_users);
    part.item_attributes = slice_columns(whole.item_attributes, own_items);
    part.item_vectors = slice_vectors(whole.item_vectors, own_items);
    part.value_kind = whole.value_kind;
    part.by_user = slice_rows(whole.by_user, own_users);
    part.by_item = slice_rows(whole.by_item, own_items);
    part.last_time = slice(whole.last_time, first, last);
    for (const EventColumn& column : whole.events) {
      part.events.push_back(
          {column.type, slice(column.strength, first, last), slice(column.last_time, first, last)});
    }
    part.cutoff_time = whole.cutoff_time;
    part.held_out.num_columns = whole.held_out.num_columns;
    if (whole.held_out.num_rows() > 0) part.held_out = slice_rows(whole.held_out, own_users);
    if (whole.searches) part.searches = slice_searches(*whole.searches, own_users, rank, num_ranks);
    part.digest = whole.digest;
  }
  return parts;
}

DatasetSizes sizes_of(const Dataset& part) {
  DatasetSizes sizes;
  sizes.users = part.by_user.num_rows();
  sizes.items = part.by_item.num_rows();
  sizes.user_entries = part.by_user.num_entries();
  sizes.item_entries = part.by_item.num_entries();
  sizes.event_types = static_cast<Count>(part.events.size());
  sizes.held_out_entries = part.held_out.num_rows() > 0 ? part.held_out.num_entries() : -1;
  for (const StringTable* texts : {&part.user_ids, &part.item_ids, &part.item_names})
    count_texts(sizes, *texts);
  for (const auto* columns : {&part.user_attributes, &part.item_attributes}) {
    for (const TextColumn& column : *columns) count_texts(sizes, column.values);
  }
  for (const ItemVectors& set : part.item_vectors) sizes.vector_columns += set.num_columns;
  if (part.searches) {
    count_texts(sizes, part.searches->texts);
    sizes.searches = part.searches->offsets.back();
  }
  return sizes;
}

Count memory_bytes(const DatasetSizes& sizes) {
  constexpr Count times = sizeof(std::int64_t);
  Count bytes = matrix_bytes(sizes.users, sizes.user_entries) +
                matrix_bytes(sizes.items, sizes.item_entries) +
                sizes.user_entries * (times + sizes.event_types * (times + Count{sizeof(float)})) +
                sizes.texts * Count{sizeof(Count)} + sizes.text_bytes + sizes.searches * 3 * times +
                sizes.items * sizes.vector_columns * Count{sizeof(float)};
  if (sizes.held_out_entries >= 0) bytes += matrix_bytes(sizes.users, sizes.held_out_entries);
  return bytes;
}

}  // namespace pushcart
