#include "pushcart/checkpoint/file_header.hpp"

#include <fmt/core.h>

#include "pushcart/base/digest.hpp"

namespace pushcart {

std::string Attribute::printed() const {
  switch (kind) {
    case Kind::text: return text;
    case Kind::integer: return std::to_string(integer);
    case Kind::real: return fmt::format("{}", real);
  }
  return {};
}

namespace {

std::string attribute_lines(const std::map<std::string, Attribute>& attributes) {
  std::string text;
  for (const auto& [name, value] : attributes) {
    const std::string printed = value.printed();
    text += fmt::format("{} {} {} ", name, static_cast<int>(value.kind), printed.size()) + printed + '\n';
  }
  return text;
}

}  // namespace

std::string header_digest(const FileHeader& header) {
  std::string text = fmt::format("{}\n{}\n", header.kind, header.schema_version);
  text += attribute_lines(header.attributes);
  for (const auto& [name, shape] : header.datasets) {
    text += fmt::format("{} {} {} {} {}\n", name, shape.type, shape.num_rows, shape.num_columns, shape.digest);
    text += attribute_lines(shape.attributes);
  }
  return digest_text(hash_text(text));
}

}  // namespace pushcart
