#pragma once

#include <string>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Writes dataset.h5 (docs/file-formats.md) and sets dataset.digest. Collective; StorageError.
void write_dataset(const Communicator& comm, const std::string& path, Dataset& dataset);

/// Reads it back on any number of ranks, checked: shapes, ranges, order, finite values, checksums. Collective.
Dataset read_dataset(const Communicator& comm, const std::string& path);

}  // namespace pushcart
