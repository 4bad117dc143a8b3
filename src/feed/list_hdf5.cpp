#include "feed/list_hdf5.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "feed/item_labels.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

constexpr std::array<ListKind, 3> list_kinds{ListKind::user_lists, ListKind::similar_items,
                                             ListKind::query_lists};

template <class T>
std::span<const T> part(const std::vector<T>& values, Range range) {
  return std::span(values).subspan(static_cast<std::size_t>(range.begin),
                                   static_cast<std::size_t>(range.size()));
}

StringTable row_ids(const NamedLists& lists, Range rows) {
  StringTable ids;
  for (Count row = rows.begin; row < rows.end; ++row) ids.push_back(lists.row_id(row));
  return ids;
}

std::vector<Count> offsets_from_zero(const NamedLists& lists, Range rows) {
  const auto& all = lists.lists().offsets;
  std::vector<Count> offsets(all.begin() + rows.begin, all.begin() + rows.end + 1);
  for (Count& offset : offsets) offset -= all[static_cast<std::size_t>(rows.begin)];
  return offsets;
}

std::vector<std::string> reason_kind_names() {
  std::vector<std::string> names;
  for (std::size_t kind = 0; kind < num_reason_kinds; ++kind) {
    names.push_back(reason_kind_name(static_cast<ReasonKind>(kind)));
  }
  return names;
}

/// This rank's labels as positions in `labels`.
std::vector<std::uint8_t> common_sources(const TopLists& lists, const std::vector<std::string>& labels) {
  std::vector<std::uint8_t> position;
  for (const auto& name : lists.source_names) {
    const auto found = std::lower_bound(labels.begin(), labels.end(), name);
    position.push_back(static_cast<std::uint8_t>(found - labels.begin()));  // unused labels: never looked up
  }
  std::vector<std::uint8_t> sources;
  sources.reserve(lists.sources.size());
  for (std::uint8_t source : lists.sources) sources.push_back(position[source]);
  return sources;
}

/// The reasons of some entries.
void write_reasons(FileWriter& file, const std::string& group, const Reasons& reasons, Range entries) {
  std::vector<Count> offsets(reasons.offsets.begin() + entries.begin,
                             reasons.offsets.begin() + entries.end + 1);
  const Range range{offsets.front(), offsets.back()};
  for (Count& offset : offsets) offset -= range.begin;
  std::vector<std::uint8_t> kinds;
  for (const ReasonKind kind : part(reasons.kinds, range)) kinds.push_back(static_cast<std::uint8_t>(kind));
  file.write_offsets(group + "/offsets", offsets);
  file.write(group + "/kinds", std::span<const std::uint8_t>(kinds));
  file.write(group + "/items", part(reasons.items, range));
  file.write(group + "/contributions", part(reasons.contributions, range));
}

void write_rows(FileWriter& file, const std::string& group, const NamedLists& lists, Range rows,
                const std::vector<std::uint8_t>& sources) {
  const Range entries = lists.entries(rows);
  file.write_strings(group + "/ids", row_ids(lists, rows));
  file.write_offsets(group + "/offsets", offsets_from_zero(lists, rows));
  file.write(group + "/items", part(lists.lists().items, entries));
  file.write(group + "/scores", part(lists.lists().scores, entries));
  file.write(group + "/sources", part(sources, entries));
  if (lists.lists().reasons) write_reasons(file, group + "/reasons", *lists.lists().reasons, entries);
}

/// Position of the first row whose index is at least `index`.
Count first_row_from(const FileReader& file, Count index) {
  Count low = 0;
  Count high = file.shape("rows/index").num_rows;
  while (low < high) {
    const Count middle = low + (high - low) / 2;
    if (file.read<std::int64_t>("rows/index", middle, 1).front() < index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void append_reasons(const FileReader& file, const std::string& group, Range entries, Reasons& reasons) {
  const auto offsets = file.read_offsets(group + "/offsets", entries.begin, entries.size());
  const Count first = offsets.front(), count = offsets.back() - first, shift = reasons.offsets.back() - first;
  const auto kinds = file.read<std::uint8_t>(group + "/kinds", first, count);
  const auto items = file.read<std::int64_t>(group + "/items", first, count);
  const auto contributions = file.read<float>(group + "/contributions", first, count);
  for (std::size_t entry = 1; entry < offsets.size(); ++entry)
    reasons.offsets.push_back(offsets[entry] + shift);
  for (const std::uint8_t kind : kinds) reasons.kinds.push_back(static_cast<ReasonKind>(kind));
  reasons.items.insert(reasons.items.end(), items.begin(), items.end());
  reasons.contributions.insert(reasons.contributions.end(), contributions.begin(), contributions.end());
}

void append_rows(const FileReader& file, const std::string& group, Range rows, TopLists& lists) {
  const auto offsets = file.read_offsets(group + "/offsets", rows.begin, rows.size());
  const Count first = offsets.front();
  const Count count = offsets.back() - first;
  const auto items = file.read<std::int64_t>(group + "/items", first, count);
  const auto scores = file.read<float>(group + "/scores", first, count);
  const auto sources = file.read<std::uint8_t>(group + "/sources", first, count);
  const Count shift = lists.offsets.back() - first;
  for (std::size_t row = 1; row < offsets.size(); ++row) lists.offsets.push_back(offsets[row] + shift);
  lists.items.insert(lists.items.end(), items.begin(), items.end());
  lists.scores.insert(lists.scores.end(), scores.begin(), scores.end());
  lists.sources.insert(lists.sources.end(), sources.begin(), sources.end());
  if (lists.reasons) append_reasons(file, group + "/reasons", {first, first + count}, *lists.reasons);
}

void check_read(const TopLists& lists, Range owned, Count num_items, const std::string& path) {
  const auto known_end = std::find(lists.rows.begin(), lists.rows.end(), -1);
  bool sound = std::is_sorted(lists.rows.begin(), known_end, std::less_equal<>());
  sound = sound && std::all_of(lists.rows.begin(), known_end, [&](Count row) { return owned.contains(row); });
  sound = sound && std::all_of(lists.items.begin(), lists.items.end(),
                               [&](Count item) { return 0 <= item && item < num_items; });
  sound = sound && std::all_of(lists.scores.begin(), lists.scores.end(),
                               [](float score) { return std::isfinite(score); });
  sound = sound && std::all_of(lists.sources.begin(), lists.sources.end(),
                               [&](std::uint8_t source) { return source < lists.source_names.size(); });
  for (std::size_t n = 0; lists.reasons && n < lists.reasons->items.size(); ++n) {
    sound = sound && is_sound(*lists.reasons, n, num_items);
  }
  if (!sound)
    throw InputError(path + ": rows, items or scores out of range; make the lists again with recommend");
}

StoredLists read_owned(const FileReader& file, const Communicator& comm, const Dataset& dataset) {
  StoredLists stored;
  const std::string kind = file.attribute("list_kind").text;
  const auto known_kind = std::find_if(list_kinds.begin(), list_kinds.end(),
                                       [&](ListKind one) { return list_kind_name(one) == kind; });
  if (known_kind == list_kinds.end()) {
    throw InputError(fmt::format("{}: unknown kind of lists '{}'", file.path(), kind));
  }
  stored.kind = *known_kind;
  stored.model_digest = file.attribute("model_digest").text;
  stored.n = file.attribute("n").integer;
  stored.digest = file.header().content_digest;
  const std::string made_from = file.attribute("dataset_digest").text;
  if (made_from != dataset.digest) {
    throw InputError(
        fmt::format("{}: the lists were made from dataset {}, not from {}; give the --dataset that "
                    "recommend was given",
                    file.path(), made_from, dataset.digest));
  }
  const Range owned = list_rows(dataset, stored.kind, comm.rank()).owned;
  const StringTable labels = file.read_strings("labels", 0, file.shape("labels/offsets").num_rows - 1);
  for (Count label = 0; label < labels.size(); ++label) stored.lists.source_names.emplace_back(labels[label]);

  const Range known{first_row_from(file, owned.begin), first_row_from(file, owned.end)};
  stored.lists.rows = file.read<std::int64_t>("rows/index", known.begin, known.size());
  if (file.has("rows/reasons/offsets")) stored.lists.reasons.emplace();
  append_rows(file, "rows", known, stored.lists);

  const Count num_unknown = file.shape("unknown/offsets").num_rows - 1;
  const Range unknown{num_unknown * comm.rank() / comm.size(), num_unknown * (comm.rank() + 1) / comm.size()};
  stored.lists.rows.resize(stored.lists.rows.size() + static_cast<std::size_t>(unknown.size()), -1);
  append_rows(file, "unknown", unknown, stored.lists);
  stored.unknown_ids = file.read_strings("unknown/ids", unknown.begin, unknown.size());
  check_read(stored.lists, owned, dataset.num_items(), file.path());
  return stored;
}

}  // namespace

std::string list_kind_name(ListKind kind) {
  switch (kind) {
    case ListKind::user_lists:
      return "user_lists";
    case ListKind::similar_items:
      return "similar_items";
    case ListKind::query_lists:
      return "query_lists";
  }
  return "";
}

ListRows list_rows(const Dataset& dataset, ListKind kind, int rank) {
  static const StringTable no_texts;
  switch (kind) {
    case ListKind::user_lists:
      return {dataset.users.range(rank), dataset.user_ids};
    case ListKind::similar_items:
      return {dataset.items.range(rank), dataset.item_ids};
    case ListKind::query_lists:
      break;
  }
  if (!dataset.searches) return {{0, 0}, no_texts};
  return {dataset.searches->queries.range(rank), dataset.searches->texts};
}

std::string write_list_file(const Communicator& comm, const std::string& path, const Dataset& dataset,
                            const NamedLists& lists, const ListOptions& options) {
  const auto labels = labels_in_use(comm, lists.lists());
  const auto sources = common_sources(lists.lists(), labels);
  StringTable label_table;
  if (comm.is_root()) {
    for (const auto& label : labels) label_table.push_back(label);
  }
  FileWriter file(comm, path, "lists", lists_schema_version);
  file.attribute("list_kind", list_kind_name(options.kind));
  file.attribute("model_digest", options.model_digest);
  file.attribute("dataset_digest", dataset.digest);
  file.attribute("n", options.n);
  file.write_strings("labels", label_table);
  if (lists.lists().reasons) file.write_names("reason_kinds", reason_kind_names());
  file.write_strings("items/ids", dataset.item_ids);
  file.write_strings("items/names", owned_item_names(comm, dataset));
  file.write("rows/index", part(lists.lists().rows, lists.known()));
  write_rows(file, "rows", lists, lists.known(), sources);
  write_rows(file, "unknown", lists, lists.unknown(), sources);
  return file.commit();
}

StoredLists read_lists(const Communicator& comm, const std::string& path, const Dataset& dataset) {
  const FileReader file(comm, path, "lists");
  return collectively(comm, "read lists", [&] { return read_owned(file, comm, dataset); });
}

}  // namespace pushcart
