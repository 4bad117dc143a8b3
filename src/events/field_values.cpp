#include "events/field_values.hpp"

#include <fast_float/fast_float.h>
#include <fmt/core.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>

namespace pushcart::detail {

namespace {

/// Bytes that a sequence of UTF-8 announces by its first byte; 1 for a byte that starts none.
std::size_t announced_length(unsigned char first) {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

}  // namespace

SuspectBytes find_suspect_bytes(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL;
  std::uint64_t seen = 0, zeros = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  // A word without a zero byte never borrows into a high bit that it does not have itself.
  for (std::uint64_t word; end - at >= 8; at += 8) {
    std::memcpy(&word, at, 8);
    seen |= word;
    zeros |= (word - ones) & ~word;
  }
  for (; at < end; ++at) {
    seen |= static_cast<unsigned char>(*at);
    if (*at == 0) zeros |= highs;
  }
  return {.nul = (zeros & highs) != 0, .beyond_ascii = (seen & highs) != 0};
}

std::optional<double> parse_number(std::string_view text) {
  const char* first = text.data();
  const char* const last = first + text.size();
  if (text.size() > 1 && *first == '+' && first[1] != '-') ++first;
  double value = 0;
  const auto result = fast_float::from_chars(first, last, value);
  if (result.ec != std::errc{} || result.ptr != last || !std::isfinite(value)) return {};
  return value;
}

std::string repair_text(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = announced_length(static_cast<unsigned char>(text[i]));
    if (text[i] != 0 && length <= text.size() - i && simdjson::validate_utf8(text.data() + i, length)) {
      out.append(text, i, length);
      i += length;
    } else {
      out += replacement;
      ++i;
    }
  }
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string out = "'";
  for (const char c : text.substr(0, most)) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out + (text.size() > most ? "...'" : "'");
}

}  // namespace pushcart::detail
