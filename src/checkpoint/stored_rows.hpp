#pragma once

#include <string>

#include "checkpoint/hdf5.hpp"
#include "pushcart/checkpoint/file_header.hpp"

namespace pushcart::detail {

/// Reads rows [first, first + count) of a data set as they are stored. StorageError. Local.
void read_stored_rows(const hdf5::Handle& file, const std::string& path, const std::string& name,
                      const DatasetShape& shape, Count first, Count count, void* out);

/// Opens a file for reading on this rank alone. StorageError. Local.
hdf5::Handle open_stored(const std::string& path);

}  // namespace pushcart::detail
