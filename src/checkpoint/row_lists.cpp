#include "pushcart/checkpoint/row_lists.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "pushcart/comm/collectively.hpp"

namespace pushcart {
namespace {

constexpr std::int64_t row_lists_schema = 1;
constexpr const char *rows_name = "rows", *offsets_name = "offsets", *columns_name = "columns",
                     *scores_name = "scores", *support_name = "support";

void append_row(RowLists& lists, const RowLists& from, std::size_t row) {
  const auto first = from.offsets[row], last = from.offsets[row + 1];
  lists.rows.push_back(from.rows[row]);
  lists.columns.insert(lists.columns.end(), from.columns.begin() + first, from.columns.begin() + last);
  lists.scores.insert(lists.scores.end(), from.scores.begin() + first, from.scores.begin() + last);
  if (!from.support.empty()) {
    lists.support.insert(lists.support.end(), from.support.begin() + first, from.support.begin() + last);
  }
  lists.offsets.push_back(static_cast<Count>(lists.columns.size()));
}

/// Position of the first of the file's rows that is not below `row`; they ascend. Reads a few at a time.
Count lower_bound_in(const FileReader& file, Count row) {
  constexpr Count at_once = 1 << 12;
  Count begin = 0, end = file.shape(rows_name).num_rows;
  while (end - begin > at_once) {
    const Count middle = begin + (end - begin) / 2;
    (file.read<Count>(rows_name, middle, 1).front() < row ? begin : end) = middle;
  }
  const auto rows = file.read<Count>(rows_name, begin, end - begin);
  return begin + (std::lower_bound(rows.begin(), rows.end(), row) - rows.begin());
}

void check(const RowLists& lists, Range owned, Count num_columns, const std::string& path) {
  const bool ascend =
      std::adjacent_find(lists.rows.begin(), lists.rows.end(), std::greater_equal<>()) == lists.rows.end();
  const bool are_owned =
      lists.rows.empty() || (owned.contains(lists.rows.front()) && owned.contains(lists.rows.back()));
  const bool are_columns = std::all_of(lists.columns.begin(), lists.columns.end(),
                                       [&](Count column) { return column >= 0 && column < num_columns; });
  if (ascend && are_owned && are_columns) return;
  throw InputError(
      fmt::format("{}: its rows do not ascend, or a list has an impossible column; the file is "
                  "damaged",
                  path));
}

RowLists read_owned(const FileReader& file, Range owned, Count num_columns) {
  const Count first = lower_bound_in(file, owned.begin), end = lower_bound_in(file, owned.end);
  RowLists lists;
  lists.rows = file.read<Count>(rows_name, first, end - first);
  lists.offsets = file.read_offsets(offsets_name, first, end - first);
  const Count base = lists.offsets.front();
  const Count num_entries = lists.offsets.back() - base;
  lists.columns = file.read<Count>(columns_name, base, num_entries);
  lists.scores = file.read<float>(scores_name, base, num_entries);
  if (file.has(support_name)) lists.support = file.read<std::uint32_t>(support_name, base, num_entries);
  for (Count& offset : lists.offsets) offset -= base;
  check(lists, owned, num_columns, file.path());
  return lists;
}

}  // namespace

RowLists united(const RowLists& lists, const RowLists& more) {
  RowLists both;
  both.columns.reserve(lists.columns.size() + more.columns.size());
  both.scores.reserve(both.columns.capacity());
  std::size_t a = 0, b = 0;
  while (a < lists.rows.size() || b < more.rows.size()) {
    const bool takes_first = b == more.rows.size() || (a < lists.rows.size() && lists.rows[a] < more.rows[b]);
    takes_first ? append_row(both, lists, a++) : append_row(both, more, b++);
  }
  return both;
}

Count write_row_lists(const Communicator& comm, const std::string& path, const RowLists& done,
                      const WorkIdentity& identity) {
  FileWriter file(comm, path, row_lists_kind, row_lists_schema);
  write_identity(file, identity);
  file.write(rows_name, std::span<const Count>(done.rows));
  file.write_offsets(offsets_name, done.offsets);
  file.write(columns_name, std::span<const Count>(done.columns));
  file.write(scores_name, std::span<const float>(done.scores));
  if (comm.any(!done.support.empty())) file.write(support_name, std::span<const std::uint32_t>(done.support));
  return commit_checkpoint(comm, file, path);
}

RowLists read_row_lists(const Communicator& comm, const FileReader& file, Range owned, Count num_columns) {
  return collectively(comm, "reading the checkpoint " + file.path(),
                      [&] { return read_owned(file, owned, num_columns); });
}

}  // namespace pushcart
