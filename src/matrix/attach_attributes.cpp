#include "pushcart/matrix/attach_attributes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "matrix/attribute_table.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

/// The rows that are attached: where they stand here, and the index each belongs to.
struct Matches {
  std::vector<Count> rows;
  std::vector<Count> indices;
};

/// Of rows with the same index, the first in the order of the file stays: the owner of the index decides.
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

/// Where the new text is empty, the old one stays.
StringTable merged(const StringTable& fresh, const StringTable& old) {
  StringTable result;
  for (Count row = 0; row < fresh.size(); ++row) {
    result.push_back(fresh[row].empty() && row < old.size() ? old[row] : fresh[row]);
  }
  return result;
}

void attach(std::vector<TextColumn>& attributes, const std::string& name, const StringTable& values) {
  const auto same = std::find_if(attributes.begin(), attributes.end(),
                                 [&](const TextColumn& column) { return column.name == name; });
  if (same == attributes.end()) {
    attributes.push_back({name, values});
  } else {
    same->values = merged(values, same->values);
  }
}

AttributeReport summed(const Communicator& comm, const AttributeReport& mine) {
  std::vector<Count> counts{mine.rows, mine.matched, mine.unknown, mine.repeated, mine.bad};
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  return {counts[0], counts[1], counts[2], counts[3], counts[4]};
}

}  // namespace

AttributeReport attach_attributes(const Communicator& comm, Dataset& dataset, AttributeSide side,
                                  const AttributeFile& file) {
  const bool of_items = side == AttributeSide::items;
  const Partition& partition = of_items ? dataset.items : dataset.users;
  detail::AttributeColumns columns;
  const auto table = collectively(comm, "read attributes", [&] {
    const auto inputs = find_inputs({file.path});
    if (inputs.size() != 1) {
      throw ConfigError(fmt::format("{}: matches {} files; name one", file.path, inputs.size()));
    }
    columns = detail::columns_of(file, inputs.front(), side);
    const auto units = share_inputs(inputs, comm.size());
    return detail::read_attributes(inputs.front(), units[static_cast<std::size_t>(comm.rank())], columns);
  });
  const auto index_of_row = DictionaryLookup(comm, partition, of_items ? dataset.item_ids : dataset.user_ids)
                                .find(table.columns[columns.id]);
  const auto matches = first_of_each(comm, partition, index_of_row);
  const auto num_known = static_cast<Count>(index_of_row.size()) -
                         static_cast<Count>(std::count(index_of_row.begin(), index_of_row.end(), Count{-1}));
  const auto num_matched = static_cast<Count>(matches.rows.size());
  const auto report =
      summed(comm, {table.num_rows, num_matched, static_cast<Count>(index_of_row.size()) - num_known,
                    num_known - num_matched, table.num_bad});
  if (report.matched == 0) {
    throw InputError(fmt::format(
        "{}: none of its {} rows names {} of the data set in its column '{}' ({} bad rows); "
        "name the column of ids, or the columns if the file has no header",
        file.path, report.rows, of_items ? "an item" : "a user", columns.names[columns.id], report.bad));
  }
  for (std::size_t c = 0; c < columns.names.size(); ++c) {
    if (c == columns.id) continue;
    StringTable texts;
    for (const Count row : matches.rows) texts.push_back(table.columns[c][row]);
    const auto values = strings_by_owner(comm, partition, matches.indices, texts);
    if (static_cast<int>(c) == columns.item_name) {
      dataset.item_names = merged(values, dataset.item_names);
    } else {
      attach(of_items ? dataset.item_attributes : dataset.user_attributes, columns.names[c], values);
    }
  }
  return report;
}

}  // namespace pushcart
