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
  /// The user's own items that speak for this one, the best first, as `id` and `name`; only with
  /// explanations.
  struct Because {
    std::string_view id;
    std::string_view name;
  };
  std::vector<Because> because = {};
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
/// slot each {item1} {name1} {score1}, {item2} ... {because1} is what the user has that speaks for slot 1
/// (names joined by ", "); {because1|other words} has other words where nothing does. A name that is empty is
/// replaced by the item's id. `{{` is a literal brace. A section's text ends at the next section or the end
/// of the file; its last line break is dropped.
class ChannelTemplate {
 public:
  /// @param file_name  for error messages, ConfigError "file:line: ..."
  static ChannelTemplate parse(std::string_view text, const std::string& file_name);

  /// Highest slot that is named; a user with fewer items cannot be sent this message.
  Count slots_needed() const { return slots_needed_; }
  /// Slots whose {because} has no other words, ascending: a user who has nothing that speaks for one of them
  /// cannot be sent this message.
  const std::vector<Count>& reasons_needed() const { return reasons_needed_; }
  std::string title(const MessageFields& fields) const { return fill(title_, fields); }
  std::string body(const MessageFields& fields) const { return fill(body_, fields); }

 private:
  enum class Kind : int {
    literal,
    user,
    campaign,
    generated,
    expires,
    model,
    items,
    item,
    name,
    score,
    because
  };
  struct Piece {
    Kind kind = Kind::literal;
    std::string text = {};         // of a literal; because: the other words
    Count slot = 0;                // of item, name, score, because; from 1
    bool has_other_words = false;  // because
  };
  using Text = std::vector<Piece>;
  static Text parse_section(std::string_view text, const std::string& file_name, Count first_line);
  static Piece placeholder(std::string_view name, const std::string& where);
  static std::string fill(const Text& text, const MessageFields& fields);
  void note_needs(const Text& text);

  Text title_;
  Text body_;
  Count slots_needed_ = 0;
  std::vector<Count> reasons_needed_;
};

}  // namespace pushcart
