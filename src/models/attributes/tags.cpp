#include "models/attributes/tags.hpp"

#include <algorithm>

namespace pushcart {

namespace {

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

void for_each_tag(std::string_view text, std::string_view separator,
                  const std::function<void(std::string_view)>& visit) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    const auto tag = without_blanks(text.substr(begin, end - begin));
    if (!tag.empty()) visit(tag);
    begin = end + separator.size();
  }
}

}  // namespace pushcart
