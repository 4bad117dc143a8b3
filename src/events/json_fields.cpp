#include "events/json_fields.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "events/field_values.hpp"

namespace pushcart::detail {

namespace {

using simdjson::ondemand::json_type;

ParseResult json_fault(simdjson::error_code error) {
  if (error == simdjson::UTF8_ERROR) return {ParseFault::bad_text, "the line is not valid UTF-8"};
  return {ParseFault::bad_json, fmt::format("not one JSON object: {}", simdjson::error_message(error))};
}

/// A token reaches up to the next one; this takes off the white space between them.
std::string_view trim_token(std::string_view token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

/// NaN and Infinity are no JSON, but some programs write them: they pass here, to be refused as numbers
/// later.
bool is_number(std::string_view token) {
  return parse_number(token).has_value() || token == "NaN" || token == "Infinity" || token == "-Infinity";
}

bool may_be_number(char first) {
  return is_digit(first) || first == '-' || first == 'N' || first == 'I';
}

}  // namespace

JsonFields::JsonFields(const std::vector<Column>& columns) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::string& path = columns[c].source;
    paths_.push_back(path);
    child(root_, path).columns.push_back(c);
    if (path.find('.') == std::string::npos) continue;
    Node* node = &root_;
    for (std::string_view rest = path; !rest.empty();) {
      const std::string_view key = rest.substr(0, rest.find('.'));
      node = &child(*node, key);
      rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    }
    node->columns.push_back(c);
  }
}

JsonFields::Node& JsonFields::child(Node& parent, std::string_view key) {
  for (Node& known : parent.children) {
    if (known.key == key) return known;
  }
  parent.children.push_back({std::string(key), {}, {}});
  return parent.children.back();
}

const JsonFields::Node* JsonFields::find_child(const Node& parent, std::string_view key) const {
  for (const Node& known : parent.children) {
    if (known.key == key) return &known;
  }
  return nullptr;
}

ParseResult JsonFields::find(std::string_view line, std::vector<std::string_view>& texts) {
  std::fill(texts.begin(), texts.end(), std::string_view{});
  padded_.assign(line);
  padded_.append(simdjson::SIMDJSON_PADDING, ' ');
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (const auto error = parser_.iterate(padded_.data(), line.size(), padded_.size()).get(document)) {
    return json_fault(error);
  }
  if (const auto error = document.get_object().get(object)) return json_fault(error);
  ParseResult result = walk(object, root_, texts);
  const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  if (result && !at_end) return {ParseFault::bad_json, "not one JSON object: text follows it"};
  return result;
}

ParseResult JsonFields::walk(simdjson::ondemand::object object, const Node& node,
                             std::vector<std::string_view>& texts) {
  for (auto item : object) {
    std::string_view key;
    if (const auto error = item.unescaped_key().get(key)) return json_fault(error);
    const Node* const found = find_child(node, key);
    if (found == nullptr) continue;
    simdjson::ondemand::value value;
    if (const auto error = item.value().get(value)) return json_fault(error);
    if (ParseResult result = read(value, *found, texts); !result) return result;
  }
  return {};
}

ParseResult JsonFields::read(simdjson::ondemand::value value, const Node& node,
                             std::vector<std::string_view>& texts) {
  const std::string_view token = trim_token(value.raw_json_token());
  std::string_view text;
  if (!token.empty() && may_be_number(token[0])) {
    if (!is_number(token)) return {ParseFault::bad_json, fmt::format("not JSON: {}", shown(token))};
    text = token;
  } else {
    json_type type;
    if (const auto error = value.type().get(type)) return json_fault(error);
    if (type == json_type::object && node.columns.empty()) {
      simdjson::ondemand::object object;
      if (const auto error = value.get_object().get(object)) return json_fault(error);
      return walk(object, node, texts);
    }
    if (type == json_type::string) {
      if (const auto error = value.get_string().get(text)) return json_fault(error);
    } else if (type == json_type::null) {
      if (token != "null") return {ParseFault::bad_json, fmt::format("not JSON: {}", shown(token))};
    } else if (!node.columns.empty()) {
      return {ParseFault::bad_json,
              fmt::format("key {}: neither text nor number", shown(paths_[node.columns[0]]))};
    }
  }
  for (const std::size_t column : node.columns) texts[column] = text;
  return {};
}

}  // namespace pushcart::detail
