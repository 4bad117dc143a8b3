#pragma once

#include <map>
#include <string>

#include "pushcart/events/event.hpp"

namespace pushcart {

enum class LineFormat : int {
  csv,       ///< one delimiter character, fields may be quoted with "
  dcolon,    ///< fields separated by "::", no quoting
  jsonl,     ///< one JSON object a line
  adjacency  ///< "user item item item ..." separated by blanks or tabs: one event an item
};
enum class Header : int { automatic, yes, no };  ///< automatic: yes if a column is mapped by a name

/// How the lines of a log are to be read.
struct LogFormat {
  LineFormat format = LineFormat::csv;
  char delimiter = ',';
  Header header = Header::automatic;
  /// Column of each role: a name of the header line (a key, dots for nesting, in JSON) or a position from 0.
  /// Text that is all digits is a position unless the header has a column of exactly that name.
  std::map<Role, std::string> columns;
  /// Roles that are constant in this log, e.g. type = "purchase".
  std::map<Role, std::string> constants;
  /// "auto" (unix seconds, unix milliseconds or ISO 8601, by the look of each value), "unix", "unix_ms",
  /// "iso", or a strptime pattern such as "%d/%m/%Y %H:%M" (Y y m d e H I M S p b B h a A f z Z F T R D s,
  /// English names whatever the locale). Times without a zone are UTC; fractions of a second are dropped
  /// (rounded down). "auto" takes a number of magnitude >= 1e11 as milliseconds. Times beyond the years 0 to
  /// 9999 are bad_time.
  std::string time_format = "auto";
  std::size_t max_line_bytes = 1 << 20;
  std::size_t max_id_bytes = 1 << 12;
};

/// ConfigError if the format contradicts itself. Local.
void check_format(const LogFormat& format);
/// The same, and if its lines do not name a user and an item. Local.
void check_pair_format(const LogFormat& format);

Role role_of(std::string_view name);  ///< "rating" is value too; ConfigError with the nearest known name
std::string_view role_name(Role role);
LineFormat line_format_of(
    std::string_view name);  ///< csv | tsv is csv with a tab | dcolon | jsonl | adjacency

/// Parses `user="Customer ID",item=StockCode,time=2`: role=column pairs. Quotes are needed only round a
/// column that holds a comma, or blanks at its ends; a quote inside quotes is doubled. ConfigError naming
/// `option`.
std::map<Role, std::string> parse_columns(std::string_view text, std::string_view option = "--columns");

/// Unix seconds of a date or time as a person writes it on a command line: ISO 8601, unix seconds or unix
/// milliseconds (told apart as under "auto"). ConfigError if it is none, or if it is a number of 4 or 8
/// digits, which may be meant as a year or a date. @param option  named in the error
std::int64_t parse_time_option(std::string_view text, std::string_view option = "time");

}  // namespace pushcart
