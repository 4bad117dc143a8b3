#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "pushcart/events/log_format.hpp"

namespace pushcart {

/// Outcome of a line that gave no event.
struct ParseResult {
  ParseFault fault = ParseFault::none;
  std::string reason;  ///< for people: "column 'price': 'abc' is no number"; empty if fault is none
  explicit operator bool() const { return fault == ParseFault::none; }
};

/// Line -> events. Not thread-safe: one parser a thread (copies share nothing).
class EventParser {
 public:
  /// @param header_line  first line of the file if the format has a header, else empty. ConfigError if a mapped
  ///                     column is not in it (with the nearest known column and the list of all).
  EventParser(const LogFormat& format, std::string_view header_line);
  ~EventParser();
  EventParser(EventParser&&) noexcept;

  /// Calls `deliver` for each event of the line (one; many for adjacency). A line is delivered whole or not at
  /// all. `line` has no line end; a trailing \r is dropped. Empty lines deliver nothing and are no fault.
  template <class Deliver>
  ParseResult parse(std::string_view line, Deliver&& deliver) {
    return parse_line(line, EventSink(std::ref(deliver)));
  }

  bool needs_header() const;

 private:
  using EventSink = std::function<void(const Event&)>;
  ParseResult parse_line(std::string_view line, const EventSink& deliver);
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether the first line of each file is a header under this format.
bool has_header(const LogFormat& format);

}  // namespace pushcart
