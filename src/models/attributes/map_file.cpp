#include "models/attributes/map_file.hpp"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "pushcart/base/dump_json.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

/// Something in the file that it cannot mean.
struct Unsound {};

std::string columns_text(const AttributeMap& map) {
  Json columns = Json::array();
  for (const AttributeMap::Column& column : map.columns) {
    columns.push_back({{"name", column.name}, {"values", column.values.size()}});
  }
  return dump_json(Json{{"separator", map.separator}, {"ridge", map.ridge}, {"columns", std::move(columns)}});
}

StringTable all_values(const AttributeMap& map) {
  StringTable values;
  for (const AttributeMap::Column& column : map.columns) {
    for (Count value = 0; value < column.values.size(); ++value) values.push_back(column.values[value]);
  }
  return values;
}

AttributeMap columns_of(const std::string& text, const StringTable& values) {
  const Json json = Json::parse(text);
  AttributeMap map;
  map.separator = json.at("separator").get<std::string>();
  map.ridge = json.at("ridge").get<double>();
  if (map.separator.empty() || !(map.ridge > 0)) throw Unsound();
  Count next = 0;
  for (const Json& column : json.at("columns")) {
    const Count count = column.at("values").get<Count>();
    if (count < 0 || count > values.size() - next) throw Unsound();
    const Count end = next + count;
    map.columns.push_back({column.at("name").get<std::string>(), {}});
    for (; next < end; ++next) map.columns.back().values.push_back(values[next]);
  }
  if (next != values.size()) throw Unsound();
  return map;
}

AttributeMap read_sound(const FileReader& file, const std::string& name, Count num_columns) {
  const DatasetShape& shape = file.shape(name + "/factors");
  const Count num_values = shape.num_rows - 1;
  if (num_values < 0 || num_values > max_attribute_values || shape.num_columns != num_columns)
    throw Unsound();
  AttributeMap map =
      columns_of(file.read_text(name + "/columns"), file.read_strings(name + "/values", 0, num_values));
  map.factors = {{0, 1 + num_values}, num_columns, file.read_all<float>(name + "/factors")};
  return map;
}

}  // namespace

void write_attribute_map(const Communicator& comm, FileWriter& file, const std::string& name,
                         const AttributeMap& map) {
  const bool is_root = comm.is_root();  // all have the same
  file.write_text(name + "/columns", columns_text(map));
  file.write_strings(name + "/values", is_root ? all_values(map) : StringTable());
  file.write(name + "/factors",
             is_root ? std::span<const float>(map.factors.values) : std::span<const float>(),
             map.factors.num_columns);
}

std::optional<AttributeMap> read_attribute_map(const FileReader& file, const std::string& name,
                                               Count num_columns) {
  if (!file.has(name + "/columns")) return std::nullopt;
  const auto damaged = [&] {
    return InputError(
        fmt::format("{}: {} does not describe a map to {} columns of factors; the file is damaged",
                    file.path(), name, num_columns));
  };
  try {
    return read_sound(file, name, num_columns);
  } catch (const Json::exception&) {
    throw damaged();
  } catch (const Unsound&) {
    throw damaged();
  }
}

}  // namespace pushcart
