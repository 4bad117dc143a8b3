#include "matrix/delimited_lines.hpp"

#include <algorithm>
#include <array>

#include "events/field_scan.hpp"
#include "events/field_values.hpp"

namespace pushcart::detail {

char most_frequent_delimiter(std::string_view line) {
  constexpr std::array candidates{'\t', ',', ';', '|'};
  const auto occurrences = [&](char c) { return std::count(line.begin(), line.end(), c); };
  return *std::max_element(candidates.begin(), candidates.end(),
                           [&](char a, char b) { return occurrences(a) < occurrences(b); });
}

bool split_fields(std::string_view line, char delimiter, std::vector<std::string>& fields) {
  fields.clear();
  const auto scan = scan_csv(line, delimiter, [&](int, const RawField& field) {
    std::string text;
    if (field.has_doubled_quotes) {
      append_unquoted(field.text, text);
    } else {
      text = field.text;
    }
    fields.push_back(repair_text(text));
    return Wanted::more;
  });
  return scan.fault == ParseFault::none;
}

std::string_view without_carriage_return(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace pushcart::detail
