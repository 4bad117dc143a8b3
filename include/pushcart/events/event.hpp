#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace pushcart {

/// What a column of a log can mean.
enum class Role : int { user, item, type, time, value, quantity, price, dwell, query, category, name };
inline constexpr int num_roles = 11;

/// One behaviour of one user, as read: views into the parser's buffers, valid until its next call. An absent
/// or empty text is empty; an absent number is NaN; an absent time is no_time.
struct Event {
  static constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();
  static constexpr double absent = std::numeric_limits<double>::quiet_NaN();

  std::string_view user, item, type, query, category, name;
  std::int64_t time = no_time;  ///< unix seconds
  double value = absent;        ///< rating, no unit
  double quantity = absent;     ///< pieces; negative = returned
  double price = absent;        ///< per piece, in the shop's currency
  double dwell = absent;        ///< seconds
};

/// Why a line gave no event. A missing user or item is not among these: the event is delivered with an empty
/// id.
enum class ParseFault : int {
  none,
  wrong_columns,  ///< fewer fields than a mapped column needs
  bad_quoting,    ///< a quote that never closes on its line, or text after a closing quote
  bad_number,     ///< a number field that is no finite number (nan and inf count as bad)
  bad_time,       ///< a time field that does not fit the format
  bad_json,       ///< not one JSON object
  bad_text,       ///< a NUL byte or invalid UTF-8 in an id
  too_long        ///< a line or id over the stated limit
};
inline constexpr int num_parse_faults = 8;
std::string_view parse_fault_name(ParseFault fault);

}  // namespace pushcart
