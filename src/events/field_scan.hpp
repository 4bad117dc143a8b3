#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "pushcart/events/event.hpp"

namespace pushcart::detail {

/// A field of a line as it stands there, without its outer quotes.
struct RawField {
  std::string_view text;
  bool has_doubled_quotes = false;
};

/// What a pass over the fields of a line found. Too few fields are for the caller to judge.
struct FieldScan {
  int num_fields = 0;  ///< looked at
  ParseFault fault = ParseFault::none;
  const char* reason = "";  ///< after "field N: "
};

enum class Wanted { more, none };

/// Each "" becomes ".
inline void append_unquoted(std::string_view text, std::string& to) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    to += text[i];
    if (text[i] == '"') ++i;
  }
}

inline const char* find_char(const char* from, const char* end, char c) {
  return from == end ? nullptr
                     : static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(end - from)));
}

/// The quote that closes a field whose text starts at `at`; null if there is none.
inline const char* find_closing_quote(const char* at, const char* end, bool& doubled) {
  while ((at = find_char(at, end, '"')) != nullptr) {
    if (at + 1 == end || at[1] != '"') return at;
    doubled = true;
    at += 2;
  }
  return nullptr;
}

/// Calls visit(position, RawField) -> Wanted for the fields of a line of CSV (RFC 4180, within one line).
/// Once nothing more is wanted, the rest of the line is only searched for broken quoting.
template <class Visit>
FieldScan scan_csv(std::string_view line, char delimiter, Visit&& visit) {
  const char* at = line.data();
  const char* const end = at + line.size();
  FieldScan scan;
  Wanted wanted = Wanted::more;
  for (;;) {
    RawField field;
    const char* stop;
    if (at < end && *at == '"') {
      const char* const close = find_closing_quote(at + 1, end, field.has_doubled_quotes);
      if (close == nullptr) {
        scan.fault = ParseFault::bad_quoting;
        scan.reason = "its quote does not close on this line (newlines inside quotes are not supported)";
        return scan;
      }
      field.text = {at + 1, static_cast<std::size_t>(close - at - 1)};
      stop = close + 1;
      if (stop < end && *stop != delimiter) {
        scan.fault = ParseFault::bad_quoting;
        scan.reason = "text follows its closing quote (a quote inside quotes has to be doubled)";
        return scan;
      }
    } else {
      stop = find_char(at, end, delimiter);
      if (stop == nullptr) stop = end;
      field.text = {at, static_cast<std::size_t>(stop - at)};
    }
    if (wanted == Wanted::more) {
      wanted = visit(scan.num_fields, field);
      if (wanted == Wanted::none && find_char(stop, end, '"') == nullptr) return scan;
    }
    ++scan.num_fields;
    if (stop == end) return scan;
    at = stop + 1;
  }
}

/// The same for fields separated by "::", which know no quoting.
template <class Visit>
FieldScan scan_dcolon(std::string_view line, Visit&& visit) {
  FieldScan scan;
  for (std::size_t begin = 0;;) {
    const std::size_t stop = line.find("::", begin);
    const Wanted wanted = visit(scan.num_fields, RawField{line.substr(begin, stop - begin)});
    ++scan.num_fields;
    if (wanted == Wanted::none || stop == std::string_view::npos) return scan;
    begin = stop + 2;
  }
}

}  // namespace pushcart::detail
