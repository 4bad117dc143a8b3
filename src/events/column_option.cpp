#include <fmt/core.h>

#include <algorithm>

#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/events/log_format.hpp"

namespace pushcart {

namespace {

/// Reads `role=column,role=column`, with or without the quotes that a shell may have removed.
class ColumnOption {
 public:
  ColumnOption(std::string_view text, std::string_view option) : rest_(text), whole_(text), option_(option) {}

  std::map<Role, std::string> read() {
    std::map<Role, std::string> columns;
    do {
      const Role role = read_role();
      const auto [place, added] = columns.emplace(role, read_column());
      if (!added) refuse(fmt::format("role '{}' is given twice", role_name(role)));
      if (place->second.empty()) refuse(fmt::format("role '{}' has no column", role_name(role)));
    } while (take_comma());
    return columns;
  }

 private:
  Role read_role() {
    const std::size_t equals = rest_.find('=');
    const std::size_t comma = rest_.find(',');
    if (equals == std::string_view::npos || comma < equals) {
      refuse(fmt::format(
          "{} is no role=column pair (a column whose name holds a comma needs quotes, and the shell "
          "quotes round those: 'name=\"Name, short\"')",
          detail::shown(rest_.substr(0, comma))));
    }
    const Role role = role_of(detail::trim_blanks(rest_.substr(0, equals)));
    rest_.remove_prefix(equals + 1);
    return role;
  }

  std::string read_column() {
    while (!rest_.empty() && detail::is_blank(rest_[0])) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_[0] == '"') return read_quoted();
    const auto column = rest_.substr(0, rest_.find(','));
    rest_.remove_prefix(column.size());
    return std::string(detail::trim_blanks(column));
  }

  std::string read_quoted() {
    std::string column;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (rest_[0] == '"') {
        rest_.remove_prefix(1);
        if (rest_.empty() || rest_[0] != '"') return column;
      }
      column += rest_[0];
    }
    refuse(fmt::format("the quote before {} never closes", detail::shown(column)));
  }

  bool take_comma() {
    rest_ = detail::trim_blanks(rest_);
    if (rest_.empty()) return false;
    if (rest_[0] != ',')
      refuse(fmt::format("{} follows a closing quote; expected a comma", detail::shown(rest_)));
    rest_.remove_prefix(1);
    return true;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw ConfigError(
        fmt::format("{} {}: {}; expected pairs such as user=\"Customer ID\",item=StockCode,time=2", option_,
                    whole_, why));
  }

  std::string_view rest_, whole_, option_;
};

}  // namespace

std::map<Role, std::string> parse_columns(std::string_view text, std::string_view option) {
  return ColumnOption(text, option).read();
}

}  // namespace pushcart
