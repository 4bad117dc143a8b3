#include "pushcart/events/event_parser.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "events/columns.hpp"
#include "events/event_builder.hpp"
#include "events/field_scan.hpp"
#include "events/field_values.hpp"
#include "events/json_fields.hpp"

namespace pushcart {

namespace detail {

namespace {

/// Adjacency lines have these two, whatever their position.
const Column user_column{.role = Role::user, .source = "first on the line"};
const Column item_column{.role = Role::item, .source = "after the user"};

}  // namespace

}  // namespace detail

struct EventParser::State {
  State(const LogFormat& chosen_format, std::string_view header_line)
      : format((check_format(chosen_format), chosen_format)),
        columns(detail::resolve_columns(format, header_line)),
        builder(format),
        texts(columns.size()) {
    if (format.format == LineFormat::jsonl) json.emplace(columns);
  }

  State(const State& other)
      : format(other.format), columns(other.columns), builder(other.builder), texts(columns.size()) {
    if (format.format == LineFormat::jsonl) json.emplace(columns);
  }

  ParseResult find_fields(std::string_view line);
  ParseResult find_keys(std::string_view line, bool holds_nul);
  void find_words(std::string_view line);
  void keep_unquoted(std::size_t column, std::string_view text, std::size_t line_bytes);
  ParseResult deliver_row(const EventSink& deliver);
  ParseResult deliver_items(const EventSink& deliver);

  LogFormat format;
  std::vector<detail::Column> columns;
  detail::EventBuilder builder;
  std::optional<detail::JsonFields> json;
  std::vector<std::string_view> texts;  ///< by column; adjacency: user, item, item ...
  std::string unquoted;                 ///< fields of this line that had doubled quotes
};

/// The fields of one line together are no longer than it, so that `unquoted` never moves while views point
/// there.
void EventParser::State::keep_unquoted(std::size_t column, std::string_view text, std::size_t line_bytes) {
  if (unquoted.empty()) unquoted.reserve(line_bytes);
  const std::size_t begin = unquoted.size();
  detail::append_unquoted(text, unquoted);
  texts[column] = std::string_view(unquoted).substr(begin);
}

ParseResult EventParser::State::find_fields(std::string_view line) {
  std::size_t next = 0;
  unquoted.clear();
  const auto keep = [&](int position, const detail::RawField& field) {
    for (; next < columns.size() && columns[next].position == position; ++next) {
      if (!field.has_doubled_quotes) {
        texts[next] = field.text;
      } else if (next > 0 && columns[next - 1].position == position) {
        texts[next] = texts[next - 1];
      } else {
        keep_unquoted(next, field.text, line.size());
      }
    }
    return next < columns.size() ? detail::Wanted::more : detail::Wanted::none;
  };
  const auto scan = format.format == LineFormat::csv ? detail::scan_csv(line, format.delimiter, keep)
                                                     : detail::scan_dcolon(line, keep);
  if (scan.fault != ParseFault::none) {
    return {scan.fault, fmt::format("field {}: {}", scan.num_fields + 1, scan.reason)};
  }
  if (next < columns.size()) {
    return {
        ParseFault::wrong_columns,
        fmt::format("{} field{}, but {} ({}) is field {}", scan.num_fields, scan.num_fields == 1 ? "" : "s",
                    role_name(columns[next].role), columns[next].source, columns[next].position + 1)};
  }
  return {};
}

ParseResult EventParser::State::find_keys(std::string_view line, bool holds_nul) {
  if (holds_nul) return {ParseFault::bad_text, "the line holds a NUL byte"};
  return json->find(line, texts);
}

void EventParser::State::find_words(std::string_view line) {
  texts.clear();
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t stop = std::min(line.find_first_of(" \t", i), line.size());
    if (stop > i) texts.push_back(line.substr(i, stop - i));
    i = stop + 1;
  }
}

ParseResult EventParser::State::deliver_row(const EventSink& deliver) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (ParseResult result = builder.set(columns[c], texts[c]); !result) return result;
  }
  deliver.call(deliver.target, builder.event());
  return {};
}

/// Every id is checked before the first event leaves: a line is delivered whole or not at all.
ParseResult EventParser::State::deliver_items(const EventSink& deliver) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto& column = i == 0 ? detail::user_column : detail::item_column;
    if (ParseResult result = builder.set(column, texts[i]); !result) return result;
  }
  for (std::size_t i = 1; i < texts.size(); ++i) {
    builder.set(detail::item_column, texts[i]);
    deliver.call(deliver.target, builder.event());
  }
  return {};
}

EventParser::EventParser(const LogFormat& format, std::string_view header_line)
    : state_(std::make_unique<State>(format, header_line)) {}
EventParser::EventParser(const EventParser& other) : state_(std::make_unique<State>(*other.state_)) {}
EventParser::EventParser(EventParser&&) noexcept = default;
EventParser::~EventParser() = default;

bool EventParser::needs_header() const {
  return has_header(state_->format);
}

ParseResult EventParser::parse_line(std::string_view line, const EventSink& deliver) {
  State& state = *state_;
  if (line.size() > state.format.max_line_bytes) {
    return {ParseFault::too_long,
            fmt::format("the line is longer than {} bytes (--max-line-bytes)", state.format.max_line_bytes)};
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty()) return {};
  const auto suspect = detail::find_suspect_bytes(line);
  detail::LineBytes bytes{.may_hold_nul = suspect.nul, .may_be_invalid_utf8 = suspect.beyond_ascii};
  ParseResult found;
  switch (state.format.format) {
    case LineFormat::adjacency:
      state.builder.begin(bytes);
      state.find_words(line);
      return state.deliver_items(deliver);
    case LineFormat::jsonl:
      if (detail::trim_blanks(line).empty()) return {};
      found = state.find_keys(line, suspect.nul);
      bytes = {.may_hold_nul = true,
               .may_be_invalid_utf8 = false};  // "\u0000"; simdjson has checked the UTF-8
      break;
    case LineFormat::csv:
    case LineFormat::dcolon:
      found = state.find_fields(line);
      break;
  }
  if (!found) return found;
  state.builder.begin(bytes);
  return state.deliver_row(deliver);
}

}  // namespace pushcart
