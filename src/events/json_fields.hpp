#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "events/columns.hpp"
#include "pushcart/events/event_parser.hpp"

namespace pushcart::detail {

/// Finds the values of the mapped keys in a line that is one JSON object. A path "a.b" is the key b of the
/// object at key a, or a key that is spelled "a.b".
class JsonFields {
 public:
  explicit JsonFields(const std::vector<Column>& columns);

  /// @param texts  by column: text of a string, spelling of a number, empty if absent or null; valid until
  /// the
  ///               next call
  ParseResult find(std::string_view line, std::vector<std::string_view>& texts);

 private:
  struct Node {
    std::string key;
    std::vector<std::size_t> columns;  ///< whose value stands here
    std::vector<Node> children;
  };
  static Node& child(Node& parent, std::string_view key);
  const Node* find_child(const Node& parent, std::string_view key) const;
  ParseResult walk(simdjson::ondemand::object object, const Node& node, std::vector<std::string_view>& texts);
  ParseResult read(simdjson::ondemand::value value, const Node& node, std::vector<std::string_view>& texts);

  Node root_;
  std::vector<std::string> paths_;  ///< by column, for messages
  std::string padded_;
  simdjson::ondemand::parser parser_;
};

}  // namespace pushcart::detail
