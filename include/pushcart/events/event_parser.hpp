#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "pushcart/events/input_file.hpp"
#include "pushcart/events/log_format.hpp"

namespace pushcart {

/// Outcome of a line that gave no event.
struct ParseResult {
  ParseFault fault = ParseFault::none;
  std::string reason;  ///< for people: "column 'price': 'abc' is no number"; empty if fault is none
  explicit operator bool() const { return fault == ParseFault::none; }
};

/// Line -> events. Not thread-safe: one parser a thread (copies share nothing).
///
/// Texts are kept byte for byte, blanks around them included; a field of nothing but blanks is empty. Numbers
/// and times may have blanks around them. Ids (user, item) with a NUL or invalid UTF-8 make the line
/// bad_text; in the other texts such bytes are replaced by U+FFFD. CSV: a quote inside an unquoted field is
/// an ordinary character; columns beyond the last mapped one are only looked at for their quoting. JSON:
/// numbers as ids keep their spelling, null is absent, the last of a repeated key counts, values of unmapped
/// keys are only checked to be balanced; invalid UTF-8 or a raw NUL anywhere on the line is bad_text.
///
/// A line over format.max_line_bytes (a trailing \r counts) is too_long. BlockReader hands over such a line
/// as its first max_line_bytes bytes and a NUL, thus one byte over the limit, so the length alone tells a
/// line that was cut from a whole line that happens to end in a NUL, if both are given the same limit.
class EventParser {
 public:
  /// @param header_line  first line of the file if the format has a header, else empty. ConfigError if a
  /// mapped
  ///                     column is not in it (with the nearest known column and the list of all), or if the
  ///                     format contradicts itself; InputError if the header line is empty, too long or no
  ///                     text.
  EventParser(const LogFormat& format, std::string_view header_line);
  ~EventParser();
  EventParser(const EventParser& other);
  EventParser(EventParser&&) noexcept;

  /// Calls `deliver` for each event of the line (one; many for adjacency). A line is delivered whole or not
  /// at all. `line` has no line end; a trailing \r is dropped. Empty lines deliver nothing and are no fault.
  template <class Deliver>
  ParseResult parse(std::string_view line, Deliver&& deliver) {
    using Function = std::remove_reference_t<Deliver>;
    const void* target = std::addressof(deliver);
    return parse_line(line, {const_cast<void*>(target), [](void* function, const Event& event) {
                               (*static_cast<Function*>(function))(event);
                             }});
  }

  bool needs_header() const;

 private:
  struct EventSink {
    void* target;
    void (*call)(void* target, const Event& event);
  };
  ParseResult parse_line(std::string_view line, const EventSink& deliver);
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether the first line of each file is a header under this format.
bool has_header(const LogFormat& format);

/// The header line of a file, as EventParser wants it: empty if files of this format have none. The mapped
/// columns are looked for in it, so that errors (those of EventParser's constructor) name the file. Local.
std::string read_header(const LogFormat& format, const InputFile& file);

}  // namespace pushcart
