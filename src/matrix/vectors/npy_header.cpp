#include "matrix/vectors/npy_header.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>

#include "events/field_values.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::detail {

namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::size_t longest_description = 4096;  // numpy's own take some 120 bytes

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw InputError(fmt::format("{}: is not a .npy file of vectors: {}", path, why));
}

std::size_t little_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string read_bytes(std::ifstream& file, const std::string& path, std::size_t count) {
  std::string bytes(count, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  if (file.bad()) throw StorageError(fmt::format("{}: reading failed: {}", path, std::strerror(errno)));
  if (static_cast<std::size_t>(file.gcount()) != count) refuse(path, "it ends within its header");
  return bytes;
}

/// The text after `'key':` in the description, a Python dictionary: up to the end of its quotes or brackets.
std::string value_of(const std::string& description, const std::string& key, const std::string& path) {
  const std::string name = "'" + key + "':";
  const std::size_t found = description.find(name);
  const std::size_t begin = found == std::string::npos
                                ? std::string::npos
                                : description.find_first_not_of(' ', found + name.size());
  if (begin == std::string::npos) refuse(path, "its header has no '" + key + "'");
  const char first = description[begin];
  if (first != '\'' && first != '(')
    return description.substr(begin, description.find_first_of(", }", begin) - begin);
  const std::size_t end = description.find(first == '(' ? ')' : first, begin + 1);
  if (end == std::string::npos) refuse(path, "its header has no '" + key + "'");
  return description.substr(begin, end + 1 - begin);
}

void read_shape(const std::string& text, const std::string& path, NpyHeader& header) {
  static const std::regex two_numbers(R"(\(\s*(\d{1,15}),\s*(\d{1,9}),?\s*\))");
  std::smatch found;
  if (!std::regex_match(text, found, two_numbers)) {
    refuse(path, "its shape is " + text + ", not (rows, columns)");
  }
  header.num_rows = std::stoll(found[1]);
  header.num_columns = std::stoll(found[2]);
  if (header.num_columns < 1) refuse(path, "its shape is " + text + ": no columns");
}

}  // namespace

NpyHeader read_npy_header(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw StorageError(path + ": is a folder, not a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  const std::string start = read_bytes(file, path, magic.size() + 2);
  if (!start.starts_with(magic)) refuse(path, "it does not begin as one");
  const std::size_t length_bytes = start[magic.size()] == 1 ? 2 : 4;
  const std::size_t length = little_endian(read_bytes(file, path, length_bytes));
  if (length > longest_description) refuse(path, "its header is too long");
  const std::string description = read_bytes(file, path, length);

  NpyHeader header;
  const std::string type = value_of(description, "descr", path);
  if (type != "'<f4'" && type != "'<f8'") refuse(path, "its type is " + type + "; save it as float32");
  if (value_of(description, "fortran_order", path) != "False") refuse(path, "it is in Fortran order");
  read_shape(value_of(description, "shape", path), path, header);
  header.element_bytes = type == "'<f4'" ? 4 : 8;
  header.data_begin = static_cast<Count>(start.size() + length_bytes + length);
  const auto size = static_cast<Count>(std::filesystem::file_size(path));
  const Count row_bytes = header.num_columns * header.element_bytes;
  // Whole rows first: the product may not fit 64 bits in a damaged header.
  if ((size - header.data_begin) / row_bytes != header.num_rows ||
      (size - header.data_begin) % row_bytes != 0) {
    refuse(path, fmt::format("its header says {} rows of {} bytes, and {} bytes follow it", header.num_rows,
                             row_bytes, size - header.data_begin));
  }
  return header;
}

}  // namespace pushcart::detail
