#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace pushcart::detail {

/// Which item ids are no goods (service codes): globs, or regular expressions after "re:", on the whole id.
class ItemPatterns {
 public:
  /// ConfigError naming --exclude-items or --include-items for a pattern that is no regular expression.
  ItemPatterns(const std::vector<std::string>& exclude, const std::vector<std::string>& include);
  bool any() const { return !exclude_.empty() || !include_.empty(); }
  bool excludes(std::string_view item) const;

 private:
  struct Pattern {
    std::string glob;  // empty: a regular expression
    std::regex expression;
    bool matches(const std::string& item) const;
  };
  static std::vector<Pattern> compiled(const std::vector<std::string>& patterns, std::string_view option);
  std::vector<Pattern> exclude_;
  std::vector<Pattern> include_;
};

}  // namespace pushcart::detail
