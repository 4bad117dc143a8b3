#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/events/log_format.hpp"

namespace pushcart::detail {

/// A role and where its value stands in a line.
struct Column {
  Role role;
  int position = 0;    ///< of the field, from 0; JSON: unused
  std::string source;  ///< the column's name, or "field N"; JSON: the path of the key
};

/// The mapped columns in the order of their fields. Errors as EventParser's constructor.
std::vector<Column> resolve_columns(const LogFormat& format, std::string_view header_line);

}  // namespace pushcart::detail
