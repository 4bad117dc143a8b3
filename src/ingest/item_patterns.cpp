#include "ingest/item_patterns.hpp"

#include <fmt/core.h>
#include <fnmatch.h>

#include <algorithm>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

ItemPatterns::ItemPatterns(const std::vector<std::string>& exclude, const std::vector<std::string>& include)
    : exclude_(compiled(exclude, "--exclude-items")), include_(compiled(include, "--include-items")) {}

std::vector<ItemPatterns::Pattern> ItemPatterns::compiled(const std::vector<std::string>& patterns,
                                                          std::string_view option) {
  std::vector<Pattern> result;
  for (const auto& text : patterns) {
    if (!text.starts_with("re:")) {
      result.push_back({text, {}});
      continue;
    }
    try {
      result.push_back({"", std::regex(text.substr(3), std::regex::ECMAScript | std::regex::optimize)});
    } catch (const std::regex_error& error) {
      throw ConfigError(fmt::format("{}: '{}' is no regular expression: {}", option, text, error.what()));
    }
  }
  return result;
}

bool ItemPatterns::Pattern::matches(const std::string& item) const {
  if (!glob.empty()) return fnmatch(glob.c_str(), item.c_str(), FNM_NOESCAPE) == 0;
  return std::regex_match(item, expression);
}

bool ItemPatterns::excludes(std::string_view item) const {
  const std::string text(item);
  const auto matches = [&](const Pattern& pattern) { return pattern.matches(text); };
  if (std::any_of(exclude_.begin(), exclude_.end(), matches)) return true;
  return !include_.empty() && std::none_of(include_.begin(), include_.end(), matches);
}

}  // namespace pushcart::detail
