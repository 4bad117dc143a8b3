#pragma once

#include <string>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// What a .npy file (numpy's own format, versions 1 to 3) says about its table.
struct NpyHeader {
  Count num_rows = 0, num_columns = 0;
  Count element_bytes = 0;  ///< 4 or 8: float32 or float64, little-endian, row-major
  Count data_begin = 0;     ///< bytes of the file before the table
};

/// StorageError; InputError for any other type, order or number of dimensions, and unless the table ends
/// where the file does. Local.
NpyHeader read_npy_header(const std::string& path);

}  // namespace pushcart::detail
