#include "pushcart/events/event.hpp"

#include <array>

namespace pushcart {

std::string_view parse_fault_name(ParseFault fault) {
  constexpr std::array<std::string_view, num_parse_faults> names = {
      "none", "wrong_columns", "bad_quoting", "bad_number", "bad_time", "bad_json", "bad_text", "too_long"};
  return names[static_cast<std::size_t>(fault)];
}

}  // namespace pushcart
