#include "events/columns.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "events/field_scan.hpp"
#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/events/event_parser.hpp"

namespace pushcart {

namespace detail {

namespace {

bool is_position(std::string_view column) {
  return !column.empty() && column.size() <= 6 && std::all_of(column.begin(), column.end(), is_digit);
}

std::vector<std::string> split_header(const LogFormat& format, std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() > format.max_line_bytes) {
    throw InputError(
        fmt::format("the header line is longer than {} bytes (--max-line-bytes): is this a text file?",
                    format.max_line_bytes));
  }
  if (line.empty())
    throw InputError("the header line is empty, so columns cannot be found by name; give positions");
  const auto suspect = find_suspect_bytes(line);
  if (suspect.nul || (suspect.beyond_ascii && !simdjson::validate_utf8(line.data(), line.size()))) {
    throw InputError(
        "the header line holds NUL bytes or invalid UTF-8: binary, compressed or in another encoding");
  }
  std::vector<std::string> names;
  const auto keep = [&](int, const RawField& field) {
    names.emplace_back();
    if (field.has_doubled_quotes) {
      append_unquoted(field.text, names.back());
    } else {
      names.back() = field.text;
    }
    return Wanted::more;
  };
  const auto scan =
      format.format == LineFormat::csv ? scan_csv(line, format.delimiter, keep) : scan_dcolon(line, keep);
  if (scan.fault != ParseFault::none) {
    throw InputError(fmt::format("header line, field {}: {}", scan.num_fields + 1, scan.reason));
  }
  return names;
}

/// Positions of the columns with this name; those that differ in outer blanks only if none has exactly it.
std::vector<int> find_name(const std::vector<std::string>& header, std::string_view name) {
  std::vector<int> exact, trimmed;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) exact.push_back(static_cast<int>(i));
    if (trim_blanks(header[i]) == trim_blanks(name)) trimmed.push_back(static_cast<int>(i));
  }
  return exact.empty() ? trimmed : exact;
}

[[noreturn]] void refuse_name(Role role, const std::string& name, const std::vector<std::string>& header) {
  constexpr std::size_t most = 50;
  const std::vector<std::string> first(
      header.begin(), header.begin() + static_cast<std::ptrdiff_t>(std::min(most, header.size())));
  throw ConfigError(
      fmt::format("--columns {}={}: the header has no such column; did you mean '{}'? It has: {}{}",
                  role_name(role), shown(name), nearest_word(name, header), fmt::join(first, ", "),
                  header.size() > most ? fmt::format(" and {} more", header.size() - most) : ""));
}

int find_position(Role role, const std::string& column, const std::vector<std::string>& header) {
  const auto places = find_name(header, column);
  if (places.size() > 1) {
    throw ConfigError(
        fmt::format("--columns {}={}: {} columns have this name; give the position ({} is the first)",
                    role_name(role), shown(column), places.size(), places[0]));
  }
  if (places.size() == 1) return places[0];
  if (!is_position(column)) refuse_name(role, column, header);
  const int position = std::stoi(column);
  if (!header.empty() && position >= static_cast<int>(header.size())) {
    throw ConfigError(fmt::format("--columns {}={}: the header has {} columns only, counted from 0",
                                  role_name(role), column, header.size()));
  }
  return position;
}

}  // namespace

std::vector<Column> resolve_columns(const LogFormat& format, std::string_view header_line) {
  std::vector<Column> columns;
  if (format.format == LineFormat::jsonl) {
    for (const auto& [role, path] : format.columns) columns.push_back({.role = role, .source = path});
    return columns;
  }
  const auto header = has_header(format) ? split_header(format, header_line) : std::vector<std::string>{};
  for (const auto& [role, name] : format.columns) {
    const int position = find_position(role, name, header);
    columns.push_back({role, position,
                       header.empty() ? fmt::format("field {}", position + 1)
                                      : shown(header[static_cast<std::size_t>(position)])});
  }
  std::stable_sort(columns.begin(), columns.end(),
                   [](const Column& a, const Column& b) { return a.position < b.position; });
  return columns;
}

}  // namespace detail

void check_format(const LogFormat& format) {
  const bool by_fields = format.format == LineFormat::csv || format.format == LineFormat::dcolon;
  if (format.format == LineFormat::adjacency && !format.columns.empty()) {
    throw ConfigError("--columns: adjacency lines are 'user item item ...' and have no columns to name");
  }
  if (format.format != LineFormat::adjacency && format.columns.empty()) {
    throw ConfigError("--columns: needed with this format, e.g. user=0,item=1");
  }
  if (!by_fields && format.header == Header::yes) {
    throw ConfigError("--header: only csv and dcolon files have a header line");
  }
  if (by_fields && format.header == Header::no) {
    for (const auto& [role, column] : format.columns) {
      if (detail::is_position(column)) continue;
      throw ConfigError(
          fmt::format("--columns {}={}: without a header a column is given by its position, from 0",
                      role_name(role), detail::shown(column)));
    }
  }
  const bool delimiter_taken =
      format.delimiter == '"' || format.delimiter == '\n' || format.delimiter == '\r';
  if (format.format == LineFormat::csv && (delimiter_taken || format.delimiter == '\0')) {
    throw ConfigError("--delimiter: a quote, a line end or NUL cannot separate fields");
  }
  if (format.max_line_bytes < 1) throw ConfigError("--max-line-bytes: must be at least 1");
  if (format.max_id_bytes < 1) throw ConfigError("--max-id-bytes: must be at least 1");
  for (const auto& [role, value] : format.constants) {
    const bool fixed = format.format == LineFormat::adjacency && (role == Role::user || role == Role::item);
    if (!fixed && format.columns.count(role) == 0) continue;
    throw ConfigError(fmt::format("--constants {}={}: this role is read from the lines already",
                                  role_name(role), detail::shown(value)));
  }
}

void check_pair_format(const LogFormat& format) {
  check_format(format);
  if (format.format == LineFormat::adjacency) return;
  for (const Role role : {Role::user, Role::item}) {
    if (format.columns.contains(role) || format.constants.contains(role)) continue;
    throw ConfigError(fmt::format("--columns: no column is said to be the {}; both user=... and item=... are needed",
                                  role_name(role)));
  }
}

bool has_header(const LogFormat& format) {
  if (format.format != LineFormat::csv && format.format != LineFormat::dcolon) return false;
  if (format.header != Header::automatic) return format.header == Header::yes;
  return std::any_of(format.columns.begin(), format.columns.end(),
                     [](const auto& column) { return !detail::is_position(column.second); });
}

}  // namespace pushcart
