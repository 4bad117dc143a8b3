#include "ingest/line_parser.hpp"

#include <fmt/core.h>

#include <cstring>

#include "pushcart/base/error.hpp"
#include "pushcart/base/nearest_float.hpp"

namespace pushcart::detail {

std::string_view TextArena::keep(std::string_view text) {
  char* target = nullptr;
  if (text.size() > chunk_bytes / 4) {
    large_.push_back(std::make_unique<char[]>(text.size()));
    target = large_.back().get();
  } else {
    if (chunks_.empty() || used_ + text.size() > chunk_bytes) {
      if (!chunks_.empty()) ++chunk_;
      if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<char[]>(chunk_bytes));
      used_ = 0;
    }
    target = chunks_[chunk_].get() + used_;
    used_ += text.size();
  }
  std::memcpy(target, text.data(), text.size());
  return {target, text.size()};
}

void TextArena::clear() {
  large_.clear();
  chunk_ = 0;
  used_ = 0;
}

void ParsedLines::clear() {
  rows.clear();
  types.clear();
  num_lines = 0;
  lines_digest = 0;
  parse_faults.fill(0);
  returns = 0;
  arena.clear();
}

std::string_view next_line(std::string_view text, std::size_t& position) {
  const char* begin = text.data() + position;
  const void* end = std::memchr(begin, '\n', text.size() - position);
  const std::size_t length =
      end ? static_cast<std::size_t>(static_cast<const char*>(end) - begin) : text.size() - position;
  position += length + (end ? 1 : 0);
  return {begin, length > 0 && begin[length - 1] == '\r' ? length - 1 : length};
}

LineParser::LineParser(const ParseSettings& settings, const LogFormat& format, std::string_view header_line)
    : settings_(settings), parser_(format, header_line) {
  const auto type = format.constants.find(Role::type);
  if (type != format.constants.end()) type_salt_ = static_cast<std::uint32_t>(hash64(type->second));
}

std::string LineParser::fault_of(std::string_view line) {
  const auto ignore = [](const Event&) {};
  return parser_.parse(line, ignore).reason;
}

void LineParser::parse(std::string_view text, ParsedLines& out) {
  out.clear();
  type_rules_.clear();
  const bool by_line = settings_.config.dedupe != Dedupe::event;
  std::size_t position = 0;
  while (position < text.size()) {
    const auto line = next_line(text, position);
    const auto line_number = static_cast<std::uint32_t>(out.num_lines++);
    const LineHash hash = line_hash(line);
    out.lines_digest += digest_part(hash);
    const std::size_t first = out.rows.size();
    const auto deliver = [&](const Event& event) { add_event(event, text, out); };
    const ParseResult result = parser_.parse(line, deliver);
    if (!result) {
      out.rows.resize(first + 1);  // one row stands for the line
      out.rows[first] = ParsedRow{};
      out.rows[first].row.faults = fault_bit(Check::unparseable);
      ++out.parse_faults[static_cast<std::size_t>(result.fault)];
      out.rows[first].row.type = static_cast<std::uint16_t>(result.fault);
    }
    for (std::size_t r = first; r < out.rows.size(); ++r) {
      out.rows[r].row.line = line_number;
      if (!by_line) continue;
      out.rows[r].hash = hash;
      out.rows[r].hash.words[2] += type_salt_ + static_cast<std::uint32_t>(r - first);  // the n-th event of such a line
    }
  }
}

void LineParser::add_event(const Event& event, std::string_view text, ParsedLines& out) {
  const auto keep = [&](std::string_view view) {
    const bool in_block = view.data() >= text.data() && view.data() < text.data() + text.size();
    return in_block || view.empty() ? view : out.arena.keep(view);
  };
  ParsedRow& parsed = out.rows.emplace_back();
  StoredRow& row = parsed.row;
  row.faults = settings_.checks.faults_of(event);
  row.type = type_of(event.type, out);
  row.time = event.time == Event::no_time ? 0 : event.time;
  row.amount = settings_.config.ratings == RatingsMode::off
                   ? StrengthRules::event_amount(type_rules_[row.type], event)
                   : static_cast<float>(event.value);
  out.returns += event.quantity < 0 ? 1 : 0;
  parsed.user = keep(event.user);
  parsed.item = keep(event.item);
  parsed.name = keep(event.name);
  parsed.category = keep(event.category);
  parsed.query = keep(event.query);
  parsed.user_hash = hash64(parsed.user);
  parsed.item_hash = hash64(parsed.item);
  parsed.quantity = nearest_float(event.quantity);
  parsed.price = nearest_float(event.price);
  parsed.dwell = nearest_float(event.dwell);
  if (settings_.config.dedupe == Dedupe::event) hash_event(event, parsed);
}

std::uint16_t LineParser::type_of(std::string_view given, ParsedLines& out) {
  const std::string_view type = given.empty() ? std::string_view("event") : given;
  if (last_type_ < out.types.size() && out.types[last_type_] == type) return last_type_;
  for (std::size_t t = 0; t < out.types.size(); ++t) {
    if (out.types[t] == type) return last_type_ = static_cast<std::uint16_t>(t);
  }
  constexpr std::size_t most_types = 256;
  if (out.types.size() == most_types) {
    throw InputError(
        fmt::format("the column mapped to 'type' has more than {} different values, '{}' among them; "
                    "map the column that says view, cart, purchase ...",
                    most_types, type));
  }
  out.types.emplace_back(type);
  type_rules_.push_back(settings_.strength.of_type(type));
  return last_type_ = static_cast<std::uint16_t>(out.types.size() - 1);
}

void LineParser::hash_event(const Event& event, ParsedRow& parsed) {
  event_key_.assign(event.user);
  event_key_ += '\0';
  event_key_ += event.item;
  event_key_ += '\0';
  event_key_ += event.type;
  event_key_ += '\0';
  event_key_.append(reinterpret_cast<const char*>(&event.time), sizeof(event.time));
  parsed.hash = line_hash(event_key_);
}

}  // namespace pushcart::detail
