#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// An item as a message shows it.
struct MessageItem {
  std::string_view id;
  std::string_view name;  ///< empty if the item has none
  float score = 0;
};

/// What a message is made of. Views are those of the caller.
struct MessageFields {
  std::string_view user;
  std::string_view campaign;
  std::string_view generated;  ///< ISO 8601, UTC
  std::string_view expires;
  std::string_view model;
  std::span<const MessageItem> items;  ///< slot 1 first
};

/// Title and body of a message with placeholders, from a small text file:
///
///     # comment lines may come before the first section
///     title: For you, {user}: {name1}
///     body:
///     {items} - until {expires}.
///
/// Placeholders: {user} {campaign} {generated} {expires} {model}, {items} (all names joined by ", "), and a
/// slot each {item1} {name1} {score1}, {item2} ... A name that is empty is replaced by the item's id. `{{` is
/// a literal brace. A section's text ends at the next section or the end of the file; its last line break is
/// dropped.
class ChannelTemplate {
 public:
  /// @param file_name  for error messages, ConfigError "file:line: ..."
  static ChannelTemplate parse(std::string_view text, const std::string& file_name);

  /// Highest slot that is named; a user with fewer items cannot be sent this message.
  Count slots_needed() const { return slots_needed_; }
  std::string title(const MessageFields& fields) const { return fill(title_, fields); }
  std::string body(const MessageFields& fields) const { return fill(body_, fields); }

 private:
  enum class Kind : int { literal, user, campaign, generated, expires, model, items, item, name, score };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text;  // of a literal
    Count slot = 0;    // of item, name, score; from 1
  };
  using Text = std::vector<Piece>;
  static Text parse_section(std::string_view text, const std::string& file_name, Count first_line);
  static Piece placeholder(std::string_view name, const std::string& where);
  static std::string fill(const Text& text, const MessageFields& fields);
  static Count highest_slot(const Text& text);

  Text title_;
  Text body_;
  Count slots_needed_ = 0;
};

}  // namespace pushcart
