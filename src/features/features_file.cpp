#include "pushcart/features/features_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "matrix/stored_matrix.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

constexpr std::int64_t schema_version = 1;
constexpr const char *kind = "features", *category_events_name = "users/category_events";

std::string stored_name(const std::string& side, const std::string& feature) {
  return side + "/features/" + name_in_file(feature);
}

void describe(FileWriter& writer, const std::string& data_set, const std::string& doc,
              const std::string& missing) {
  writer.attribute_of(data_set, "doc", doc);
  writer.attribute_of(data_set, "missing", missing);
}

void write_table(FileWriter& writer, const std::string& side, const FeatureTable& table) {
  std::vector<std::string> names, text_names;
  for (const auto& column : table.columns) {
    const auto stored = stored_name(side, column.name);
    writer.write(stored, std::span<const float>(column.values), column.width);
    writer.attribute_of(stored, "unit", column.unit);
    describe(writer, stored, column.doc, column.missing);
    names.push_back(column.name);
  }
  for (const auto& text : table.texts) {
    const auto stored = stored_name(side, text.name);
    writer.write_strings(stored, text.values);
    describe(writer, stored + "/offsets", text.doc, text.missing);
    text_names.push_back(text.name);
  }
  writer.write_names(side + "/feature_names", names);
  writer.write_names(side + "/text_feature_names", text_names);
}

/// Rows of a table of strings.
Count num_strings(const FileReader& reader, const std::string& name) {
  return std::max<Count>(0, reader.shape(name + "/offsets").num_rows - 1);
}

std::string text_attribute(const FileReader& reader, const std::string& data_set, const std::string& name) {
  const auto& attributes = reader.shape(data_set).attributes;
  const auto found = attributes.find(name);
  if (found == attributes.end())
    throw InputError(fmt::format("{}: '{}' has no attribute '{}'", reader.path(), data_set, name));
  return found->second.text;
}

void check_rows(const FileReader& reader, const std::string& stored, Count found, Count wanted) {
  if (found != wanted) {
    throw InputError(fmt::format("{}: '{}' has {} rows, not {}", reader.path(), stored, found, wanted));
  }
}

FeatureTable read_table(const FileReader& reader, const std::string& side, Range mine, Count num_rows) {
  FeatureTable table;
  for (const auto& name : reader.read_names(side + "/feature_names")) {
    const auto stored = stored_name(side, name);
    const auto& shape = reader.shape(stored);
    check_rows(reader, stored, shape.num_rows, num_rows);
    table.columns.push_back({name, text_attribute(reader, stored, "unit"),
                             text_attribute(reader, stored, "doc"), text_attribute(reader, stored, "missing"),
                             shape.num_columns,
                             reader.read<float>(stored, mine.begin, mine.size(), shape.num_columns)});
    const auto& values = table.columns.back().values;
    if (std::any_of(values.begin(), values.end(), [](float value) { return std::isinf(value); })) {
      throw InputError(fmt::format("{}: '{}' has an infinite value", reader.path(), stored));
    }
  }
  for (const auto& name : reader.read_names(side + "/text_feature_names")) {
    const auto stored = stored_name(side, name);
    check_rows(reader, stored, num_strings(reader, stored), num_rows);
    table.texts.push_back({name, text_attribute(reader, stored + "/offsets", "doc"),
                           text_attribute(reader, stored + "/offsets", "missing"),
                           reader.read_strings(stored, mine.begin, mine.size())});
  }
  return table;
}

void check_dataset(const FileReader& reader, const std::string& digest) {
  if (reader.attribute("dataset_digest").text != digest)
    throw InputError(reader.path() + ": these features are of another data set; make them again");
}

/// This rank's part, as these partitions say.
Features read_owned(const FileReader& reader, Partition user_partition, Partition item_partition, int rank) {
  Features features;
  features.users = std::move(user_partition);
  features.items = std::move(item_partition);
  features.categories = Partition::even(num_strings(reader, "categories/names"), features.users.num_ranks());
  const Range users = features.users.range(rank), items = features.items.range(rank),
              categories = features.categories.range(rank);
  features.user_ids = reader.read_strings("users/ids", users.begin, users.size());
  features.item_ids = reader.read_strings("items/ids", items.begin, items.size());
  features.of_users = read_table(reader, "users", users, features.users.num_rows());
  features.of_items = read_table(reader, "items", items, features.items.num_rows());
  features.category_names = reader.read_strings("categories/names", categories.begin, categories.size());
  features.category_events = read_matrix(reader, category_events_name, users, features.categories.num_rows());
  features.price_limits = reader.read_all<double>("price_limits");
  features.settings = reader.read_text("settings");
  features.cutoff_time = reader.attribute("cutoff_time").integer;
  features.dataset_digest = reader.attribute("dataset_digest").text;
  features.digest = reader.header().content_digest;
  return features;
}

}  // namespace

FileWriter stage_features(const Communicator& comm, const std::string& path, Features& features,
                          const FeatureDistributions& distributions) {
  FileWriter writer(comm, path, kind, schema_version);
  writer.write_strings("users/ids", features.user_ids);
  writer.write_strings("items/ids", features.item_ids);
  write_table(writer, "users", features.of_users);
  write_table(writer, "items", features.of_items);
  write_matrix(writer, category_events_name, features.category_events);
  const std::string counts = std::string(category_events_name) + "/values";
  writer.attribute_of(counts, "unit", "events");
  describe(writer, counts, "events on items of each category", "no entry: the user has none");
  writer.write_strings("categories/names", features.category_names);
  const std::span<const double> limits(features.price_limits);
  writer.write("price_limits", comm.is_root() ? limits : limits.first(0));
  writer.attribute_of("price_limits", "unit", "currency");
  describe(writer, "price_limits", "highest price of each price band but the last",
           "none at all: no event has a price");
  writer.write_text("distributions", dump_json(distributions.to_json()));
  writer.write_text("settings", features.settings);
  writer.attribute("cutoff_time", features.cutoff_time);
  writer.attribute("time_unit", "seconds since 1970-01-01 UTC; 0 = the log has no times");
  writer.attribute("dataset_digest", features.dataset_digest);
  features.digest = writer.finish();
  return writer;
}

Features read_features(const Communicator& comm, const std::string& path) {
  const FileReader reader(comm, path, kind);
  return collectively(comm, "reading " + path, [&] {
    return read_owned(reader, Partition::even(num_strings(reader, "users/ids"), comm.size()),
                      Partition::even(num_strings(reader, "items/ids"), comm.size()), comm.rank());
  });
}

Features read_features(const Communicator& comm, const std::string& path, const Dataset& dataset) {
  const FileReader reader(comm, path, kind);
  return collectively(comm, "reading " + path, [&] {
    check_dataset(reader, dataset.digest);
    check_rows(reader, "users/ids", num_strings(reader, "users/ids"), dataset.num_users());
    check_rows(reader, "items/ids", num_strings(reader, "items/ids"), dataset.num_items());
    return read_owned(reader, dataset.users, dataset.items, comm.rank());
  });
}

nlohmann::ordered_json read_feature_distributions(const Communicator& comm, const std::string& path,
                                                  const std::string& dataset_digest) {
  const FileReader reader(comm, path, kind);
  return collectively(comm, "reading " + path, [&] {
    check_dataset(reader, dataset_digest);
    auto distributions = nlohmann::ordered_json::parse(reader.read_text("distributions"), nullptr, false);
    if (!distributions.is_object()) throw InputError(path + ": 'distributions' is not a JSON object");
    return distributions;
  });
}

}  // namespace pushcart
