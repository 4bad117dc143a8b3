#include "checkpoint/stored_rows.hpp"

#include <fmt/core.h>

namespace pushcart::detail {

void read_stored_rows(const hdf5::Handle& file, const std::string& path, const std::string& name,
                      const DatasetShape& shape, Count first, Count count, void* out) {
  if (count == 0 || shape.num_columns == 0) return;
  const hdf5::Handle set(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  const hdf5::Handle space(H5Dget_space(set.get()), H5Sclose);
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
  const hsize_t extent[2] = {static_cast<hsize_t>(count), static_cast<hsize_t>(shape.num_columns)};
  const hdf5::Handle memory(H5Screate_simple(shape.num_columns == 1 ? 1 : 2, extent, nullptr), H5Sclose);
  if (!set.valid() || H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, extent, nullptr) < 0 ||
      H5Dread(set.get(), hdf5::memory_type_of(shape.type), memory.get(), space.get(), H5P_DEFAULT, out) < 0) {
    throw StorageError(fmt::format("{}: reading '{}' failed: {}", path, name, hdf5::last_error()));
  }
}

hdf5::Handle open_stored(const std::string& path) {
  hdf5::quiet();
  hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.valid()) throw StorageError(fmt::format("{}: cannot be opened: {}", path, hdf5::last_error()));
  return file;
}

}  // namespace pushcart::detail
