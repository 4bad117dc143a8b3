#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pushcart::detail {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The text without the blanks around it.
inline std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// What a text may hold that an id must not.
struct SuspectBytes {
  bool nul = false;
  bool beyond_ascii = false;
};
SuspectBytes find_suspect_bytes(std::string_view text);

/// A finite decimal number that fills the text; nothing for "nan", "inf", overflow and everything else.
std::optional<double> parse_number(std::string_view text);

/// A copy with every NUL and every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string repair_text(std::string_view text);

/// A text as it can stand in a message: quoted, at most 40 bytes, unprintable bytes as \xNN.
std::string shown(std::string_view text);

}  // namespace pushcart::detail
