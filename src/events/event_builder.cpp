#include "events/event_builder.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::detail {

namespace {

bool holds_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

std::string_view& text_of(Event& event, Role role) {
  switch (role) {
    case Role::user:
      return event.user;
    case Role::item:
      return event.item;
    case Role::type:
      return event.type;
    case Role::query:
      return event.query;
    case Role::category:
      return event.category;
    default:
      return event.name;
  }
}

double& number_of(Event& event, Role role) {
  switch (role) {
    case Role::value:
      return event.value;
    case Role::quantity:
      return event.quantity;
    case Role::price:
      return event.price;
    default:
      return event.dwell;
  }
}

}  // namespace

EventBuilder::EventBuilder(const LogFormat& format)
    : time_parser_(format.time_format),
      time_format_(format.time_format),
      max_id_bytes_(format.max_id_bytes),
      constants_(format.constants) {
  set_constants();
}

EventBuilder::EventBuilder(const EventBuilder& other)
    : time_parser_(other.time_parser_),
      time_format_(other.time_format_),
      max_id_bytes_(other.max_id_bytes_),
      constants_(other.constants_) {
  set_constants();  // the views of blank_ have to point into the copy
}

void EventBuilder::set_constants() {
  begin({});
  for (const auto& [role, text] : constants_) {
    const auto result = set({.role = role, .source = "constant"}, text);
    if (!result)
      throw ConfigError(fmt::format("--constants {}={}: {}", role_name(role), shown(text), result.reason));
  }
  blank_ = event_;
}

void EventBuilder::begin(LineBytes bytes) {
  bytes_ = bytes;
  event_ = blank_;
}

ParseResult EventBuilder::set(const Column& column, std::string_view text) {
  switch (column.role) {
    case Role::user:
    case Role::item:
      return set_id(column, text);
    case Role::type:
    case Role::query:
    case Role::category:
    case Role::name:
      return set_text(column, text);
    case Role::time:
      return set_time(column, text);
    case Role::value:
    case Role::quantity:
    case Role::price:
    case Role::dwell:
      return set_number(column, text);
  }
  return {};
}

ParseResult EventBuilder::set_id(const Column& column, std::string_view text) {
  if (text.empty() || (is_blank(text[0]) && trim_blanks(text).empty())) return {};
  if (text.size() > max_id_bytes_) {
    return {ParseFault::too_long,
            fmt::format("{} ({}): an id of {} bytes, more than {} (--max-id-bytes)", role_name(column.role),
                        column.source, text.size(), max_id_bytes_)};
  }
  if (bytes_.may_hold_nul && holds_nul(text)) {
    return {ParseFault::bad_text,
            fmt::format("{} ({}): {} holds a NUL byte", role_name(column.role), column.source, shown(text))};
  }
  if (bytes_.may_be_invalid_utf8 && !simdjson::validate_utf8(text.data(), text.size())) {
    return {ParseFault::bad_text, fmt::format("{} ({}): {} is not valid UTF-8", role_name(column.role),
                                              column.source, shown(text))};
  }
  text_of(event_, column.role) = text;
  return {};
}

ParseResult EventBuilder::set_text(const Column& column, std::string_view text) {
  if (text.empty() || (is_blank(text[0]) && trim_blanks(text).empty())) return {};
  const bool broken = (bytes_.may_hold_nul && holds_nul(text)) ||
                      (bytes_.may_be_invalid_utf8 && !simdjson::validate_utf8(text.data(), text.size()));
  if (broken) {
    std::string& repaired = repaired_[static_cast<std::size_t>(column.role)];
    repaired = repair_text(text);
    text = repaired;
  }
  text_of(event_, column.role) = text;
  return {};
}

ParseResult EventBuilder::set_number(const Column& column, std::string_view text) {
  const std::string_view trimmed = trim_blanks(text);
  if (trimmed.empty()) return {};
  const auto number = parse_number(trimmed);
  if (!number) {
    return {ParseFault::bad_number, fmt::format("{} ({}): {} is no finite number", role_name(column.role),
                                                column.source, shown(text))};
  }
  number_of(event_, column.role) = *number;
  return {};
}

ParseResult EventBuilder::set_time(const Column& column, std::string_view text) {
  const std::string_view trimmed = trim_blanks(text);
  if (trimmed.empty()) return {};
  const auto time = time_parser_.parse(trimmed);
  if (!time) {
    return {ParseFault::bad_time,
            fmt::format("{} ({}): {} is no time of the form '{}'", role_name(column.role), column.source,
                        shown(text), time_format_)};
  }
  event_.time = *time;
  return {};
}

}  // namespace pushcart::detail
