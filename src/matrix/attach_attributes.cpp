#include "pushcart/matrix/attach_attributes.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "matrix/add_items.hpp"
#include "matrix/attribute_table.hpp"
#include "matrix/match_rows.hpp"
#include "matrix/merge_texts.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

/// The ids of rows that belong to nothing.
StringTable texts_of_unknown(const StringTable& ids, const std::vector<Count>& index_of_row) {
  StringTable unknown;
  for (std::size_t row = 0; row < index_of_row.size(); ++row) {
    if (index_of_row[row] < 0) unknown.push_back(ids[static_cast<Count>(row)]);
  }
  return unknown;
}

struct FileRows {
  detail::AttributeColumns columns;
  detail::AttributeTable table;  ///< this rank's part
};

FileRows read_file(const Communicator& comm, AttributeSide side, const AttributeFile& file) {
  return collectively(comm, "read attributes", [&] {
    const auto inputs = find_inputs({file.path});
    if (inputs.size() != 1) {
      throw ConfigError(fmt::format("{}: matches {} files; name one", file.path, inputs.size()));
    }
    FileRows rows{detail::columns_of(file, inputs.front(), side), {}};
    const auto units = share_inputs(inputs, comm.size());
    rows.table =
        detail::read_attributes(inputs.front(), units[static_cast<std::size_t>(comm.rank())], rows.columns);
    return rows;
  });
}

/// The index of each id in the data set, -1 = unknown.
std::vector<Count> find_rows(const Communicator& comm, const Dataset& dataset, AttributeSide side,
                             const StringTable& ids) {
  const bool of_items = side == AttributeSide::items;
  return DictionaryLookup(comm, of_items ? dataset.items : dataset.users,
                          of_items ? dataset.item_ids : dataset.user_ids)
      .find(ids);
}

AttributeReport summed(const Communicator& comm, const AttributeReport& mine) {
  std::vector<Count> counts{mine.rows, mine.matched, mine.unknown, mine.repeated, mine.bad};
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  return {
      .rows = counts[0], .matched = counts[1], .unknown = counts[2], .repeated = counts[3], .bad = counts[4]};
}

}  // namespace

AttributeReport attach_attributes(const Communicator& comm, Dataset& dataset, AttributeSide side,
                                  const AttributeFile& file) {
  const bool of_items = side == AttributeSide::items;
  const Partition& partition = of_items ? dataset.items : dataset.users;
  const auto [columns, table] = read_file(comm, side, file);
  const StringTable& ids = table.columns[columns.id];
  auto index_of_row = find_rows(comm, dataset, side, ids);
  const bool names_any =
      std::any_of(index_of_row.begin(), index_of_row.end(), [](Count i) { return i >= 0; });
  if (!comm.any(names_any)) {
    throw InputError(
        fmt::format("{}: none of its {} rows names {} of the data set in its column '{}' ({} bad rows); "
                    "name the column of ids, or the columns if the file has no header",
                    file.path, comm.sum(table.num_rows), of_items ? "an item" : "a user",
                    columns.names[columns.id], comm.sum(table.num_bad)));
  }
  Count num_added = 0;
  if (of_items && file.unknown_items == UnknownItems::added) {
    num_added = detail::add_items(comm, dataset, texts_of_unknown(ids, index_of_row));
    index_of_row = find_rows(comm, dataset, side, ids);
  }
  const auto matches = detail::first_of_each(comm, partition, index_of_row);
  const auto num_unknown =
      static_cast<Count>(std::count(index_of_row.begin(), index_of_row.end(), Count{-1}));
  const auto num_matched = static_cast<Count>(matches.rows.size());
  const auto num_known = static_cast<Count>(index_of_row.size()) - num_unknown;
  auto report = summed(comm, {.rows = table.num_rows,
                              .matched = num_matched,
                              .unknown = num_unknown,
                              .repeated = num_known - num_matched,
                              .bad = table.num_bad});
  report.added = num_added;
  for (std::size_t c = 0; c < columns.names.size(); ++c) {
    if (c == columns.id) continue;
    StringTable texts;
    for (const Count row : matches.rows) texts.push_back(table.columns[c][row]);
    const auto values = strings_by_owner(comm, partition, matches.indices, texts);
    if (static_cast<int>(c) == columns.item_name) {
      dataset.item_names = detail::merged(values, dataset.item_names);
    } else {
      detail::merge_column(of_items ? dataset.item_attributes : dataset.user_attributes, columns.names[c],
                           values);
    }
  }
  return report;
}

StringTable unknown_ids(const Communicator& comm, const Dataset& dataset, AttributeSide side,
                        const AttributeFile& file) {
  const auto [columns, table] = read_file(comm, side, file);
  const StringTable& ids = table.columns[columns.id];
  return texts_of_unknown(ids, find_rows(comm, dataset, side, ids));
}

}  // namespace pushcart
