#pragma once

#include <string>

namespace pushcart {

/// JSON as text; bytes that are not valid UTF-8 (of a file's name, say) become U+FFFD instead of an exception.
/// @param indent  blanks a level; -1 = all on one line
template <class Json>
std::string dump_json(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pushcart
