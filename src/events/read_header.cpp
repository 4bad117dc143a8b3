#include "events/columns.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/events/event_parser.hpp"

namespace pushcart {

std::string read_header(const LogFormat& format, const InputFile& file) {
  if (!has_header(format)) return {};
  std::string line = first_line(file, format.max_line_bytes);
  try {
    detail::resolve_columns(format, line);
  } catch (const ConfigError& error) {
    throw ConfigError(file.path + ": " + error.what());
  } catch (const InputError& error) {
    throw InputError(file.path + ": " + error.what());
  }
  return line;
}

}  // namespace pushcart
