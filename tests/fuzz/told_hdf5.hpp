#pragma once

#include <string>

namespace pushcart::test {

/// Writes an HDF5 file as it is told: two lines for its two data sets, each a name, a type (f4, f8, i1, i8,
/// b, text, fixed), rows and columns (0: one dimension); a line of words, the values of text and i8; then the
/// bytes of other values. Both are taken over and over. Large sets are left without values. Not the bytes of
/// a file, since HDF5 1.10 crashes on some that are damaged (docs/faults.md).
void write_told_hdf5(const std::string& path, const std::string& told);

}  // namespace pushcart::test
