#include "matrix/attribute_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "matrix/delimited_lines.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::detail {

namespace {

std::size_t position_of(const std::string& name, const std::vector<std::string>& names,
                        const std::string& path) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw ConfigError(fmt::format("{}: no column '{}'; did you mean '{}'? It has: {}", path, name,
                                nearest_word(name, names), fmt::join(names, ", ")));
}

void add_line(std::string_view line, const AttributeColumns& columns, std::vector<std::string>& fields,
              AttributeTable& table) {
  if (line.empty()) return;
  ++table.num_rows;
  const bool whole = line.size() <= longest_line && split_fields(line, columns.delimiter, fields);
  if (!whole || fields.size() > columns.names.size() || fields.size() <= columns.id ||
      fields[columns.id].empty()) {
    ++table.num_bad;
    return;
  }
  fields.resize(columns.names.size());
  for (std::size_t c = 0; c < fields.size(); ++c) table.columns[c].push_back(fields[c]);
}

}  // namespace

AttributeColumns columns_of(const AttributeFile& settings, const InputFile& input, AttributeSide side) {
  const std::string line = first_line(input, longest_line);
  const std::string first(without_carriage_return(line));
  AttributeColumns columns;
  columns.delimiter = settings.delimiter != 0 ? settings.delimiter : most_frequent_delimiter(first);
  columns.has_header = settings.column_names.empty();
  columns.names = settings.column_names;
  if (columns.has_header && (!split_fields(first, columns.delimiter, columns.names) || first.empty())) {
    throw InputError(fmt::format("{}: its first line names no columns; give their names if it has no header",
                                 settings.path));
  }
  auto sorted = columns.names;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    throw ConfigError(fmt::format("{}: two columns are named '{}'; rename one", settings.path, *twice));
  }
  if (!settings.id_column.empty()) columns.id = position_of(settings.id_column, columns.names, settings.path);
  if (side == AttributeSide::users) return columns;
  if (!settings.name_column.empty()) {
    columns.item_name = static_cast<int>(position_of(settings.name_column, columns.names, settings.path));
    return columns;
  }
  for (const char* usual : {"name", "title"}) {
    const auto found = std::find(columns.names.begin(), columns.names.end(), usual);
    if (columns.item_name < 0 && found != columns.names.end()) {
      columns.item_name = static_cast<int>(found - columns.names.begin());
    }
  }
  return columns;
}

AttributeTable read_attributes(const InputFile& input, const std::vector<WorkUnit>& units,
                               const AttributeColumns& columns) {
  AttributeTable table;
  table.columns.resize(columns.names.size());
  std::vector<std::string> fields;
  for_each_line(input, units, [&](std::string_view line, bool is_first) {
    if (!is_first || !columns.has_header) add_line(line, columns, fields, table);
  });
  return table;
}

}  // namespace pushcart::detail
