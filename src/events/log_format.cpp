#include "pushcart/events/log_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "events/field_values.hpp"
#include "events/time_parser.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {

namespace {

constexpr std::array<std::string_view, num_roles> role_names = {
    "user", "item", "type", "time", "value", "quantity", "price", "dwell", "query", "category", "name"};

struct FormatName {
  std::string_view name;
  LineFormat format;
};
constexpr FormatName format_names[] = {{"csv", LineFormat::csv},
                                       {"tsv", LineFormat::csv},
                                       {"dcolon", LineFormat::dcolon},
                                       {"jsonl", LineFormat::jsonl},
                                       {"adjacency", LineFormat::adjacency}};

[[noreturn]] void refuse_word(std::string_view what, std::string_view word,
                              const std::vector<std::string>& known) {
  throw ConfigError(fmt::format("{} {} is unknown; did you mean '{}'? Known are {}", what,
                                detail::shown(word), nearest_word(word, known), fmt::join(known, ", ")));
}

}  // namespace

Role role_of(std::string_view name) {
  if (name == "rating") return Role::value;
  const auto found = std::find(role_names.begin(), role_names.end(), name);
  if (found == role_names.end()) {
    std::vector<std::string> known(role_names.begin(), role_names.end());
    known.push_back("rating");
    refuse_word("role", name, known);
  }
  return static_cast<Role>(found - role_names.begin());
}

std::string_view role_name(Role role) {
  return role_names[static_cast<std::size_t>(role)];
}

LineFormat line_format_of(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& candidate : format_names) {
    if (candidate.name == name) return candidate.format;
    known.emplace_back(candidate.name);
  }
  refuse_word("--format", name, known);
}

std::int64_t parse_time_option(std::string_view text, std::string_view option) {
  const std::string_view trimmed = detail::trim_blanks(text);
  const bool only_digits = std::all_of(trimmed.begin(), trimmed.end(), detail::is_digit);
  const bool may_be_date = only_digits && (trimmed.size() == 4 || trimmed.size() == 8);
  const auto seconds = detail::TimeParser("auto").parse(trimmed);
  if (!seconds || may_be_date) {
    throw ConfigError(
        fmt::format("{}: {} is no time; write it as 2010-09-01 or 2010-09-01T12:00:00Z (UTC), or in "
                    "unix seconds",
                    option, detail::shown(text)));
  }
  return *seconds;
}

}  // namespace pushcart
