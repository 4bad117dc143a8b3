#include "feed/json_text.hpp"

#include <fmt/core.h>

#include <cstdint>
#include <iterator>

namespace pushcart {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool continues(std::string_view text, std::size_t position) {
  return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80;
}

/// Length of the UTF-8 sequence that begins at `at`, 0 if there is none (Unicode standard, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !continues(text, at + 1)) return 0;
  if (lead < 0xE0) return 2;
  const auto second = static_cast<unsigned char>(text[at + 1]);
  if (!continues(text, at + 2)) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = lead == 0xF0 && second < 0x90;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  return overlong || beyond || !continues(text, at + 3) ? 0 : 4;
}

void append_escaped(std::string& out, char letter, JsonPlace place) {
  switch (letter) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const bool markup = letter == '<' || letter == '>' || letter == '&';
  if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F || (markup && place == JsonPlace::html)) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(letter));
  } else {
    out += letter;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, JsonPlace place) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 1) {
      append_escaped(out, text[at], place);
    } else {
      out += length == 0 ? replacement : text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  out += '"';
}

void append_number(std::string& out, float value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\0' ? 0 : sequence_length(text, at);
    out += length == 0 ? replacement : text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

void append_csv_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (char letter : text) {
    if (letter == '"') out += '"';
    out += letter;
  }
  out += '"';
}

std::string html_text(std::string_view text) {
  std::string out;
  for (char letter : valid_utf8(text)) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

}  // namespace pushcart
