#include "pushcart/matrix/dataset_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "matrix/stored_matrix.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart {

namespace {

constexpr std::int64_t schema_version = 1;

void write_attributes(FileWriter& writer, const std::string& group, const std::vector<TextColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) {
    writer.write_strings(group + "/attributes/" + name_in_file(column.name), column.values);
    names.push_back(column.name);
  }
  writer.write_names(group + "/attribute_names", names);
}

std::string stored_vectors(const std::string& name) { return "items/vectors/" + name_in_file(name); }

void write_vectors(FileWriter& writer, const std::vector<ItemVectors>& sets) {
  std::vector<std::string> names;
  for (const auto& set : sets) {
    writer.write(stored_vectors(set.name), std::span<const float>(set.values), set.num_columns);
    names.push_back(set.name);
  }
  if (!names.empty()) writer.write_names("items/vector_names", names);
}

void write_searches(const Communicator& comm, FileWriter& writer, const Searches& searches) {
  writer.write_strings("queries/texts", searches.texts);
  writer.write_offsets("searches/offsets", searches.offsets);
  writer.write("searches/query", std::span<const Count>(searches.query));
  writer.write("searches/item", std::span<const Count>(searches.item));
  const bool has_times =
      std::any_of(searches.time.begin(), searches.time.end(), [](auto time) { return time != 0; });
  if (comm.any(has_times)) writer.write("searches/time", std::span<const std::int64_t>(searches.time));
}

/// Of each entry; a log without times has none stored.
std::vector<std::int64_t> read_times(const FileReader& reader, const std::string& name, Count first, Count count) {
  if (!reader.has(name)) return std::vector<std::int64_t>(static_cast<std::size_t>(count), 0);
  return reader.read<std::int64_t>(name, first, count);
}

[[noreturn]] void damaged(const FileReader& reader, const std::string& what) {
  throw InputError(fmt::format("{}: {}; make the file again", reader.path(), what));
}

std::vector<TextColumn> read_attributes(const FileReader& reader, const std::string& group, Range mine) {
  std::vector<TextColumn> columns;
  for (const auto& name : reader.read_names(group + "/attribute_names")) {
    const std::string stored = group + "/attributes/" + name_in_file(name);
    columns.push_back({name, reader.read_strings(stored, mine.begin, mine.size())});
  }
  return columns;
}

std::vector<ItemVectors> read_vectors(const FileReader& reader, Range mine, Count num_items) {
  std::vector<ItemVectors> sets;
  if (!reader.has("items/vector_names/offsets")) return sets;
  for (const auto& name : reader.read_names("items/vector_names")) {
    const std::string stored = stored_vectors(name);
    const auto& shape = reader.shape(stored);
    ItemVectors set{name, shape.num_columns, reader.read<float>(stored, mine.begin, mine.size(), shape.num_columns)};
    const bool is_finite = std::all_of(set.values.begin(), set.values.end(), [](float v) { return std::isfinite(v); });
    if (shape.num_rows != num_items || shape.num_columns < 1 || !is_finite) {
      damaged(reader, fmt::format("'{}' is not a table of finite numbers with a row an item", stored));
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

Searches read_searches(const FileReader& reader, const Partition& queries, Range users, Count num_items,
                       int rank) {
  Searches searches;
  searches.queries = queries;
  const Range owned = queries.range(rank);
  searches.texts = reader.read_strings("queries/texts", owned.begin, owned.size());
  searches.offsets = reader.read_offsets("searches/offsets", users.begin, users.size());
  const Count base = searches.offsets.front(), count = searches.offsets.back() - base;
  for (Count& offset : searches.offsets) offset -= base;
  searches.query = reader.read<Count>("searches/query", base, count);
  searches.item = reader.read<Count>("searches/item", base, count);
  searches.time = read_times(reader, "searches/time", base, count);
  const auto within = [](const std::vector<Count>& indices, Count first, Count end) {
    return std::all_of(indices.begin(), indices.end(),
                       [&](Count index) { return first <= index && index < end; });
  };
  if (!within(searches.query, 0, queries.num_rows()) || !within(searches.item, -1, num_items)) {
    damaged(reader, "'searches' has an index out of range");
  }
  return searches;
}

/// Cuts by the lengths of the stored rows, as assemble_dataset cuts.
Partition partition_of_stored(const Communicator& comm, const FileReader& reader, const std::string& offsets_name) {
  const Count num_rows = reader.shape(offsets_name).num_rows - 1;
  if (num_rows < 0) damaged(reader, fmt::format("the offsets '{}' are empty", offsets_name));
  const Count granule = Partition::granule(num_rows);
  std::vector<Count> lengths(static_cast<std::size_t>(Partition::num_granules(num_rows)), 0);
  const Range share = Partition::even(num_rows, comm.size()).range(comm.rank());
  collectively(comm, "reading " + reader.path(), [&] {
    const auto offsets = reader.read_offsets(offsets_name, share.begin, share.size());
    for (Count row = share.begin; row < share.end; row += granule) {
      const Count last = std::min(row + granule, share.end) - share.begin;
      lengths[static_cast<std::size_t>(row / granule)] =
          offsets[static_cast<std::size_t>(last)] - offsets[static_cast<std::size_t>(row - share.begin)];
    }
  });
  comm.allreduce(std::span<Count>(lengths), Reduce::sum);
  return partition_by_work(num_rows, lengths, comm.size());
}

}  // namespace

FileWriter stage_dataset(const Communicator& comm, const std::string& path, Dataset& dataset) {
  FileWriter writer(comm, path, "dataset", schema_version);
  writer.write_strings("users/ids", dataset.user_ids);
  writer.write_strings("items/ids", dataset.item_ids);
  writer.write_strings("items/names", dataset.item_names);
  write_attributes(writer, "users", dataset.user_attributes);
  write_attributes(writer, "items", dataset.item_attributes);
  write_vectors(writer, dataset.item_vectors);
  write_matrix(writer, "by_user", dataset.by_user);
  const bool has_times = comm.any(std::any_of(dataset.last_time.begin(), dataset.last_time.end(),
                                              [](std::int64_t time) { return time != 0; }));
  if (has_times) writer.write("by_user/last_time", std::span<const std::int64_t>(dataset.last_time));
  write_matrix(writer, "by_item", dataset.by_item);
  const auto& only = dataset.events.front();
  const bool all_the_same = dataset.events.size() == 1 && only.strength == dataset.by_user.values &&
                            only.last_time == dataset.last_time;
  const bool has_columns = !comm.all(all_the_same);
  std::vector<std::string> types;
  for (const auto& column : dataset.events) {
    types.push_back(column.type);
    if (!has_columns) continue;
    const std::string group = "events/" + name_in_file(column.type);
    writer.write(group + "/strength", std::span<const float>(column.strength));
    if (has_times) writer.write(group + "/last_time", std::span<const std::int64_t>(column.last_time));
  }
  writer.write_names("event_types", types);
  const bool has_held_out = comm.any(dataset.held_out.num_rows() > 0);
  if (has_held_out) write_matrix(writer, "held_out", dataset.held_out);
  writer.attribute("has_held_out", has_held_out ? 1 : 0);
  if (dataset.searches) write_searches(comm, writer, *dataset.searches);
  writer.attribute("value_kind", dataset.value_kind == ValueKind::rating ? "rating" : "strength");
  writer.attribute("cutoff_time", dataset.cutoff_time);
  writer.write_text("provenance", dataset.provenance);
  writer.attribute("time_unit", "seconds since 1970-01-01 UTC; 0 = the log has no times");
  dataset.digest = writer.finish();
  return writer;
}

void write_dataset(const Communicator& comm, const std::string& path, Dataset& dataset) {
  stage_dataset(comm, path, dataset).publish();
}

Dataset read_dataset(const Communicator& comm, const std::string& path) {
  const FileReader reader(comm, path, "dataset");
  Dataset dataset;
  dataset.users = partition_of_stored(comm, reader, "by_user/offsets");
  dataset.items = partition_of_stored(comm, reader, "by_item/offsets");
  const Range users = dataset.users.range(comm.rank());
  const Range items = dataset.items.range(comm.rank());
  collectively(comm, "reading " + path, [&] {
    dataset.user_ids = reader.read_strings("users/ids", users.begin, users.size());
    dataset.item_ids = reader.read_strings("items/ids", items.begin, items.size());
    dataset.item_names = reader.read_strings("items/names", items.begin, items.size());
    dataset.user_attributes = read_attributes(reader, "users", users);
    dataset.item_attributes = read_attributes(reader, "items", items);
    dataset.item_vectors = read_vectors(reader, items, dataset.num_items());
    dataset.by_user = read_matrix(reader, "by_user", users, dataset.num_items());
    dataset.by_item = read_matrix(reader, "by_item", items, dataset.num_users());
    const Count first = reader.read_offsets("by_user/offsets", users.begin, 0).front();
    const Count count = dataset.by_user.num_entries();
    dataset.last_time = read_times(reader, "by_user/last_time", first, count);
    for (const auto& type : reader.read_names("event_types")) {
      const std::string group = "events/" + name_in_file(type);
      if (!reader.has(group + "/strength")) {  // the only type: all is of it
        dataset.events.push_back({type, dataset.by_user.values, dataset.last_time});
        continue;
      }
      dataset.events.push_back({type, reader.read<float>(group + "/strength", first, count),
                                read_times(reader, group + "/last_time", first, count)});
    }
    dataset.held_out.num_columns = dataset.num_items();
    if (reader.attribute("has_held_out").integer != 0) {
      dataset.held_out = read_matrix(reader, "held_out", users, dataset.num_items());
    }
    if (reader.has("queries/texts/offsets")) {
      const Count num_queries = std::max<Count>(0, reader.shape("queries/texts/offsets").num_rows - 1);
      dataset.searches = read_searches(reader, Partition::even(num_queries, comm.size()), users,
                                       dataset.num_items(), comm.rank());
    }
    dataset.value_kind = reader.attribute("value_kind").text == "rating" ? ValueKind::rating : ValueKind::strength;
    dataset.cutoff_time = reader.attribute("cutoff_time").integer;
    dataset.provenance = reader.read_text("provenance");
  });
  dataset.digest = reader.header().content_digest;
  return dataset;
}

}  // namespace pushcart
