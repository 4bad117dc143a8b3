#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/events/input_file.hpp"

namespace pushcart::detail {

/// A line longer than this is cut by BlockReader and counts as bad.
inline constexpr std::size_t longest_line = 1 << 20;

/// Of tab, comma, semicolon and |.
char most_frequent_delimiter(std::string_view line);

/// Fields may be quoted; invalid UTF-8 becomes U+FFFD. @return whether the line could be cut into fields
bool split_fields(std::string_view line, char delimiter, std::vector<std::string>& fields);

std::string_view without_carriage_return(std::string_view line);

/// Calls visit(line, is_first_of_file) for every line of the units, without line ends. Local; errors as
/// BlockReader.
template <class Visit>
void for_each_line(const InputFile& input, const std::vector<WorkUnit>& units, Visit&& visit) {
  constexpr std::size_t block_bytes = 1 << 20;
  std::string block;
  for (const auto& unit : units) {
    BlockReader reader(input, unit, block_bytes, longest_line);
    bool is_first = unit.begin == 0;
    while (reader.next(block)) {
      for (std::size_t begin = 0; begin < block.size();) {
        const auto end = std::min(block.find('\n', begin), block.size());
        visit(without_carriage_return(std::string_view(block).substr(begin, end - begin)), is_first);
        begin = end + 1;
        is_first = false;
      }
    }
  }
}

}  // namespace pushcart::detail
