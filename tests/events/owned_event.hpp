#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/events/event_parser.hpp"

namespace pushcart::test {

/// A copy of an event that outlives the parser's buffers.
struct OwnedEvent {
  std::string user, item, type, query, category, name;
  std::int64_t time;
  double value, quantity, price, dwell;

  explicit OwnedEvent(const Event& e)
      : user(e.user),
        item(e.item),
        type(e.type),
        query(e.query),
        category(e.category),
        name(e.name),
        time(e.time),
        value(e.value),
        quantity(e.quantity),
        price(e.price),
        dwell(e.dwell) {}
};

struct Parsed {
  std::vector<OwnedEvent> events;
  ParseFault fault;
  std::string reason;
};

inline Parsed parse_one(EventParser& parser, std::string_view line) {
  Parsed parsed;
  const auto result = parser.parse(line, [&](const Event& event) { parsed.events.emplace_back(event); });
  parsed.fault = result.fault;
  parsed.reason = result.reason;
  return parsed;
}

inline LogFormat make_format(LineFormat format, std::string_view columns) {
  LogFormat made;
  made.format = format;
  if (!columns.empty()) made.columns = parse_columns(columns);
  return made;
}

/// The text of the error of type E that `fn` throws; empty if it throws none.
template <class E, class Fn>
std::string error_text(Fn&& fn) {
  try {
    fn();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

}  // namespace pushcart::test
