#include "matrix/attribute_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "events/field_scan.hpp"
#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::detail {

namespace {

constexpr std::size_t longest_line = 1 << 20;
constexpr std::size_t block_bytes = 1 << 20;

char most_frequent_delimiter(std::string_view line) {
  constexpr std::array candidates{'\t', ',', ';', '|'};
  const auto occurrences = [&](char c) { return std::count(line.begin(), line.end(), c); };
  return *std::max_element(candidates.begin(), candidates.end(),
                           [&](char a, char b) { return occurrences(a) < occurrences(b); });
}

/// @return whether the line could be cut into fields
bool split(std::string_view line, char delimiter, std::vector<std::string>& fields) {
  fields.clear();
  const auto scan = scan_csv(line, delimiter, [&](int, const RawField& field) {
    std::string text;
    if (field.has_doubled_quotes) {
      append_unquoted(field.text, text);
    } else {
      text = field.text;
    }
    fields.push_back(repair_text(text));
    return Wanted::more;
  });
  return scan.fault == ParseFault::none;
}

std::size_t position_of(const std::string& name, const std::vector<std::string>& names,
                        const std::string& path) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw ConfigError(fmt::format("{}: no column '{}'; did you mean '{}'? It has: {}", path, name,
                                nearest_word(name, names), fmt::join(names, ", ")));
}

std::string_view without_carriage_return(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

void add_line(std::string_view line, const AttributeColumns& columns, std::vector<std::string>& fields,
              AttributeTable& table) {
  if (line.empty()) return;
  ++table.num_rows;
  const bool whole = line.size() <= longest_line && split(line, columns.delimiter, fields);
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
  if (columns.has_header && (!split(first, columns.delimiter, columns.names) || first.empty())) {
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
  std::string block;
  for (const auto& unit : units) {
    BlockReader reader(input, unit, block_bytes, longest_line);
    bool is_header = columns.has_header && unit.begin == 0;
    while (reader.next(block)) {
      for (std::size_t begin = 0; begin < block.size();) {
        const auto end = std::min(block.find('\n', begin), block.size());
        const auto line = std::string_view(block).substr(begin, end - begin);
        begin = end + 1;
        if (!is_header) add_line(without_carriage_return(line), columns, fields, table);
        is_header = false;
      }
    }
  }
  return table;
}

}  // namespace pushcart::detail
