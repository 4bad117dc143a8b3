#include "pushcart/checkpoint/foreign_hdf5.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "checkpoint/hdf5.hpp"

namespace pushcart {

using hdf5::Handle;

namespace {
constexpr double strongest_compression = 1032;  // of deflate
}

struct ForeignHdf5::State {
  std::string path;
  Handle file;

  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    throw InputError(fmt::format("{}: '{}' {}", path, name, why));
  }
  Handle open(const std::string& name) const {
    Handle set(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!set.valid()) refuse(name, "is not a data set of this file");
    return set;
  }
  /// @param type  in memory
  void read(const std::string& name, hid_t type, Count first, Count count, Count num_columns,
            void* out) const;
  StringTable read_fixed(const std::string& name, hid_t type, Count first, Count count) const;
  StringTable read_variable(const std::string& name, hid_t type, Count first, Count count) const;
};

void ForeignHdf5::State::read(const std::string& name, hid_t type, Count first, Count count,
                              Count num_columns, void* out) const {
  if (count == 0) return;
  const Handle set = open(name);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
  const hsize_t extent[2] = {static_cast<hsize_t>(count), static_cast<hsize_t>(num_columns)};
  const Handle memory(H5Screate_simple(H5Sget_simple_extent_ndims(space.get()), extent, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, extent, nullptr) < 0 ||
      H5Dread(set.get(), type, memory.get(), space.get(), H5P_DEFAULT, out) < 0) {
    refuse(name, "cannot be read: " + hdf5::last_error());
  }
}

StringTable ForeignHdf5::State::read_fixed(const std::string& name, hid_t type, Count first,
                                           Count count) const {
  const std::size_t width = H5Tget_size(type);
  std::vector<char> bytes(static_cast<std::size_t>(count) * width);
  read(name, type, first, count, 1, bytes.data());
  const bool is_padded = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  StringTable texts;
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const std::string_view padded(bytes.data() + at, width);
    std::string_view text = padded.substr(0, padded.find('\0'));
    while (is_padded && text.ends_with(' ')) text.remove_suffix(1);
    texts.push_back(text);
  }
  return texts;
}

StringTable ForeignHdf5::State::read_variable(const std::string& name, hid_t type, Count first,
                                              Count count) const {
  std::vector<char*> chars(static_cast<std::size_t>(count), nullptr);
  read(name, type, first, count, 1, chars.data());
  StringTable texts;
  for (char* const text : chars) {
    texts.push_back(text == nullptr ? std::string_view{} : std::string_view(text));
    H5free_memory(text);
  }
  return texts;
}

ForeignHdf5::ForeignHdf5(std::string path) : state_(std::make_unique<State>()) {
  hdf5::quiet();
  state_->path = std::move(path);
  const std::string& name = state_->path;
  const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw StorageError(fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
  ::close(descriptor);
  if (std::filesystem::is_directory(name)) throw StorageError(name + ": is a folder, not a file");
  if (H5Fis_hdf5(name.c_str()) <= 0) throw InputError(name + ": is not an HDF5 file");
  state_->file = Handle(H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!state_->file.valid()) throw InputError(fmt::format("{}: is damaged: {}", name, hdf5::last_error()));
}

ForeignHdf5::~ForeignHdf5() = default;

ForeignHdf5::Shape ForeignHdf5::shape(const std::string& name) const {
  const Handle set = state_->open(name);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  const int num_dimensions = H5Sget_simple_extent_ndims(space.get());
  if (num_dimensions != 1 && num_dimensions != 2) {
    state_->refuse(name, fmt::format("has {} dimensions", num_dimensions));
  }
  hsize_t extent[2] = {0, 1};
  H5Sget_simple_extent_dims(space.get(), extent, nullptr);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const double row_bytes = static_cast<double>(extent[1]) * static_cast<double>(H5Tget_size(type.get()));
  const auto file_bytes = static_cast<double>(std::filesystem::file_size(state_->path));
  if (std::max(static_cast<double>(extent[0]), 1.0) * row_bytes > strongest_compression * file_bytes) {
    state_->refuse(name, fmt::format("is {} x {}, more than its file can hold", extent[0], extent[1]));
  }
  return {static_cast<Count>(extent[0]), static_cast<Count>(extent[1])};
}

std::vector<float> ForeignHdf5::read_floats(const std::string& name, Count first, Count count) const {
  const Handle set = state_->open(name);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) state_->refuse(name, "does not hold numbers");
  const Count num_columns = shape(name).num_columns;
  std::vector<float> values(static_cast<std::size_t>(count * num_columns));
  state_->read(name, H5T_NATIVE_FLOAT, first, count, num_columns, values.data());
  return values;
}

StringTable ForeignHdf5::read_texts(const std::string& name, Count first, Count count) const {
  const Handle set = state_->open(name);
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_STRING) {
    return H5Tis_variable_str(type.get()) > 0 ? state_->read_variable(name, type.get(), first, count)
                                              : state_->read_fixed(name, type.get(), first, count);
  }
  if (kind != H5T_INTEGER) state_->refuse(name, "holds neither texts nor whole numbers");
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  state_->read(name, H5T_NATIVE_INT64, first, count, 1, numbers.data());
  StringTable texts;
  for (const std::int64_t number : numbers) texts.push_back(std::to_string(number));
  return texts;
}

}  // namespace pushcart
