#include "pushcart/feed/channel_template.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "feed/json_text.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {

namespace {

struct Section {
  std::string text;
  Count first_line = 0;
};

/// "title" or "body" if the line opens that section.
std::string_view section_opened_by(std::string_view line) {
  for (std::string_view name : {"title", "body"}) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(":")) return name;
  }
  return {};
}

[[noreturn]] void refuse_preamble(std::string_view line, const std::string& where) {
  const std::array<std::string, 2> known{"title", "body"};
  const auto word = line.substr(0, line.find(':'));
  throw ConfigError(
      fmt::format("{}: text before the first section; sections are 'title:' and 'body:' (did you mean "
                  "'{}:'?), comments begin with #",
                  where, nearest_word(word, known)));
}

std::string_view trimmed_left(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

struct Sections {
  std::optional<Section> title;
  std::optional<Section> body;
};

Sections split_sections(std::string_view text, const std::string& file_name) {
  Sections sections;
  std::optional<Section>* open = nullptr;
  for (Count number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto name = section_opened_by(line);
    if (!name.empty()) {
      open = name == "title" ? &sections.title : &sections.body;
      if (open->has_value()) {
        throw ConfigError(fmt::format("{}:{}: a second section '{}:'; keep one", file_name, number, name));
      }
      const auto rest = trimmed_left(line.substr(name.size() + 1));
      *open = Section{rest.empty() ? std::string() : std::string(rest) + '\n',
                      rest.empty() ? number + 1 : number};
    } else if (open != nullptr) {
      (*open)->text.append(line) += '\n';
    } else if (!trimmed_left(line).empty() && trimmed_left(line).front() != '#') {
      refuse_preamble(line, fmt::format("{}:{}", file_name, number));
    }
  }
  return sections;
}

/// The K of "nameK"; 0 if the word is not of that form.
Count slot_of(std::string_view word, std::string_view stem) {
  if (!word.starts_with(stem)) return 0;
  const auto digits = word.substr(stem.size());
  Count slot = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), slot);
  return error == std::errc() && end == digits.data() + digits.size() && slot > 0 ? slot : 0;
}

/// Of a MessageItem or MessageItem::Because.
std::string_view shown_name(const auto& item) {
  return item.name.empty() ? item.id : item.name;
}

std::string joined_names(const auto& items) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    out += shown_name(item);
  }
  return out;
}

}  // namespace

ChannelTemplate ChannelTemplate::parse(std::string_view text, const std::string& file_name) {
  const Sections sections = split_sections(text, file_name);
  if (!sections.title && !sections.body) {
    throw ConfigError(file_name + ": neither a section 'title:' nor a section 'body:'; write at least one");
  }
  ChannelTemplate result;
  if (sections.title)
    result.title_ = parse_section(sections.title->text, file_name, sections.title->first_line);
  if (sections.body) result.body_ = parse_section(sections.body->text, file_name, sections.body->first_line);
  result.note_needs(result.title_);
  result.note_needs(result.body_);
  return result;
}

ChannelTemplate::Text ChannelTemplate::parse_section(std::string_view text, const std::string& file_name,
                                                     Count first_line) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  Text pieces;
  std::string literal;
  Count line = first_line;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') ++line;
    if (text[at] != '{') {
      literal += text[at];
    } else if (text.substr(at).starts_with("{{")) {
      literal += text[at++];
    } else {
      const std::string where = fmt::format("{}:{}", file_name, line);
      const auto end = text.find_first_of("}\n", at);
      if (end == std::string_view::npos || text[end] == '\n') {
        throw ConfigError(where + ": a brace that does not close on its line; write {{ for a literal brace");
      }
      if (!literal.empty()) pieces.push_back({Kind::literal, std::exchange(literal, {})});
      pieces.push_back(placeholder(text.substr(at + 1, end - at - 1), where));
      at = end;
    }
  }
  if (!literal.empty()) pieces.push_back({Kind::literal, literal});
  return pieces;
}

ChannelTemplate::Piece ChannelTemplate::placeholder(std::string_view name, const std::string& where) {
  static const std::array<std::string, 10> known{"user",  "campaign", "generated", "expires", "model",
                                                 "items", "item1",    "name1",     "score1",  "because1"};
  constexpr std::array kinds{Kind::user,    Kind::campaign, Kind::generated,
                             Kind::expires, Kind::model,    Kind::items};
  for (std::size_t word = 0; word < kinds.size(); ++word) {
    if (name == known[word]) return {kinds[word]};
  }
  if (const Count slot = slot_of(name, "item")) return {Kind::item, {}, slot};
  if (const Count slot = slot_of(name, "name")) return {Kind::name, {}, slot};
  if (const Count slot = slot_of(name, "score")) return {Kind::score, {}, slot};
  const auto bar = name.find('|');
  if (const Count slot = slot_of(name.substr(0, bar), "because")) {
    const bool has_other_words = bar != std::string_view::npos;
    return {Kind::because, std::string(has_other_words ? name.substr(bar + 1) : ""), slot, has_other_words};
  }
  throw ConfigError(
      fmt::format("{}: unknown placeholder {{{}}}; did you mean {{{}}}? (slots count from 1; write {{{{ "
                  "for a literal brace)",
                  where, name, nearest_word(name, known)));
}

std::string ChannelTemplate::fill(const Text& text, const MessageFields& fields) {
  std::string out;
  for (const Piece& piece : text) {
    if (piece.slot > 0) PUSHCART_CHECK(piece.slot <= static_cast<Count>(fields.items.size()));
    const MessageItem* item =
        piece.slot > 0 ? &fields.items[static_cast<std::size_t>(piece.slot) - 1] : nullptr;
    switch (piece.kind) {
      case Kind::literal:
        out += piece.text;
        break;
      case Kind::user:
        out += fields.user;
        break;
      case Kind::campaign:
        out += fields.campaign;
        break;
      case Kind::generated:
        out += fields.generated;
        break;
      case Kind::expires:
        out += fields.expires;
        break;
      case Kind::model:
        out += fields.model;
        break;
      case Kind::item:
        out += item->id;
        break;
      case Kind::name:
        out += shown_name(*item);
        break;
      case Kind::score:
        append_number(out, item->score);
        break;
      case Kind::because:
        out += item->because.empty() ? piece.text : joined_names(item->because);
        break;
      case Kind::items:
        out += joined_names(fields.items);
        break;
    }
  }
  return out;
}

void ChannelTemplate::note_needs(const Text& text) {
  for (const Piece& piece : text) {
    slots_needed_ = std::max(slots_needed_, piece.slot);
    if (piece.kind == Kind::because && !piece.has_other_words) reasons_needed_.push_back(piece.slot);
  }
  std::sort(reasons_needed_.begin(), reasons_needed_.end());
  reasons_needed_.erase(std::unique(reasons_needed_.begin(), reasons_needed_.end()), reasons_needed_.end());
}

}  // namespace pushcart
