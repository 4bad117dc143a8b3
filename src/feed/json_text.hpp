#pragma once

#include <string>
#include <string_view>

namespace pushcart {

/// Where a JSON text will stand: inside HTML, `<`, `>` and `&` are escaped too, so that no tag can begin or
/// end.
enum class JsonPlace { file, html };

/// Appends `text` as a quoted JSON string. Bytes that are not valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text, JsonPlace place = JsonPlace::file);

/// Appends a number as the shortest decimal text that reads back as the same float. `value` is finite.
void append_number(std::string& out, float value);

/// The text with every invalid byte, and NUL, replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// Appends a field of a CSV line, quoted where RFC 4180 asks for it.
void append_csv_field(std::string& out, std::string_view text);

/// Text for HTML content and attribute values, valid UTF-8.
std::string html_text(std::string_view text);

}  // namespace pushcart
