#include "app/format_options.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::app {

namespace {

std::string printed_columns(const std::map<Role, std::string>& columns) {
  std::string text;
  for (const auto& [role, column] : columns) {
    text += fmt::format("{}{}=\"", text.empty() ? "" : ",", role_name(role));
    for (const char c : column) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += '"';
  }
  return text;
}

void add_columns(OptionSet& options, const std::string& key, std::map<Role, std::string>& columns,
                 const std::string& help) {
  options.add_custom(
      key, Arity::one, help,
      [&columns, key](const auto& texts) { columns = parse_columns(texts.back(), "--" + key); },
      [&columns] {
        return columns.empty() ? std::vector<std::string>{} : std::vector<std::string>{printed_columns(columns)};
      });
}

std::string_view format_name(const LogFormat& format) {
  switch (format.format) {
    case LineFormat::csv: return "csv";
    case LineFormat::dcolon: return "dcolon";
    case LineFormat::jsonl: return "jsonl";
    case LineFormat::adjacency: return "adjacency";
  }
  return "";
}

Header header_of(const std::string& text) {
  if (text == "auto") return Header::automatic;
  if (text == "yes" || text == "true") return Header::yes;
  if (text == "no" || text == "false") return Header::no;
  throw ConfigError(fmt::format("'{}' is none of auto, yes, no", text));
}

}  // namespace

char delimiter_of(const std::string& text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() != 1) throw ConfigError(fmt::format("'{}' is not one character (or 'tab')", text));
  return text.front();
}

void declare_format(OptionSet& options, LogFormat& format, const std::string& prefix) {
  options.add_custom(
      prefix + "format", Arity::one, "form of the lines: csv, tsv, dcolon (a::b::c), jsonl, adjacency (user item item ...)",
      [&format](const auto& texts) {
        format.format = line_format_of(texts.back());
        if (texts.back() == "tsv") format.delimiter = '\t';
      },
      [&format] {
        return std::vector<std::string>{format.format == LineFormat::csv && format.delimiter == '\t'
                                            ? "tsv"
                                            : std::string(format_name(format))};
      });
  options.add_custom(
      prefix + "delimiter", Arity::one, "csv: the character between fields, or 'tab'",
      [&format](const auto& texts) { format.delimiter = delimiter_of(texts.back()); },
      [&format] {
        return std::vector<std::string>{format.delimiter == '\t' ? std::string("tab") : std::string(1, format.delimiter)};
      });
  options.add_custom(
      prefix + "header", Arity::one, "whether files begin with a header line: auto (if a column is mapped by name), yes, no",
      [&format](const auto& texts) { format.header = header_of(texts.back()); },
      [&format] {
        const char* name = format.header == Header::automatic ? "auto" : format.header == Header::yes ? "yes" : "no";
        return std::vector<std::string>{name};
      });
  add_columns(options, prefix + "columns", format.columns,
              "which column is what, by name or by position from 0: user=..,item=..[,type=..,time=..,value=..,quantity=..,"
              "price=..,dwell=..,query=..,category=..,name=..]");
  add_columns(options, prefix + "constants", format.constants, "what is the same on every line, e.g. type=purchase");
  options.add(prefix + "time-format", format.time_format,
              "auto, unix (seconds), unix_ms, iso, or a pattern such as '%d/%m/%Y %H:%M'; without a zone: UTC");
  options.add(prefix + "max-line-bytes", format.max_line_bytes, "longer lines are rejected, bytes");
  options.add(prefix + "max-id-bytes", format.max_id_bytes, "longer ids are rejected, bytes");
}

}  // namespace pushcart::app
