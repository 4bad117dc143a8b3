#pragma once

#include <string>

#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Writes dataset.h5 (docs/file-formats.md) but for its name, and sets dataset.digest. Collective;
/// StorageError.
[[nodiscard]] FileWriter stage_dataset(const Communicator& comm, const std::string& path, Dataset& dataset);

/// stage_dataset(), and it takes its name.
void write_dataset(const Communicator& comm, const std::string& path, Dataset& dataset);

/// Reads it back on any number of ranks, checked: shapes, ranges, order, finite values, checksums. Collective.
Dataset read_dataset(const Communicator& comm, const std::string& path);

}  // namespace pushcart
