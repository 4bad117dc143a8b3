#pragma once

#include <array>
#include <string>
#include <string_view>

#include "events/columns.hpp"
#include "events/time_parser.hpp"
#include "pushcart/events/event_parser.hpp"

namespace pushcart::detail {

/// What the bytes of a line may hold, known before its fields are looked at.
struct LineBytes {
  bool may_hold_nul = true;
  bool may_be_invalid_utf8 = true;
};

/// Fills an Event from the texts of its fields.
class EventBuilder {
 public:
  /// ConfigError if a constant of the format does not fit its role.
  explicit EventBuilder(const LogFormat& format);
  EventBuilder(const EventBuilder& other);
  EventBuilder& operator=(const EventBuilder&) = delete;

  /// Starts a new event, which has the constants of the format.
  void begin(LineBytes bytes);
  /// Sets what `column` stands for; a fault leaves it as it was.
  ParseResult set(const Column& column, std::string_view text);
  const Event& event() const { return event_; }

 private:
  void set_constants();
  ParseResult set_id(const Column& column, std::string_view text);
  ParseResult set_text(const Column& column, std::string_view text);
  ParseResult set_number(const Column& column, std::string_view text);
  ParseResult set_time(const Column& column, std::string_view text);

  TimeParser time_parser_;
  std::string time_format_;
  std::size_t max_id_bytes_;
  std::map<Role, std::string> constants_;
  Event blank_, event_;
  LineBytes bytes_;
  std::array<std::string, num_roles> repaired_;  ///< by role, what the event's views may point into
};

}  // namespace pushcart::detail
