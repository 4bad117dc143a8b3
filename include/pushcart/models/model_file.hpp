#pragma once

#include <string>

#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// Writes model.h5 (docs/file-formats.md) but for its name, and sets model.digest. Collective. NumericError
/// (before anything is written) if a number is not finite; StorageError.
[[nodiscard]] FileWriter stage_model(const Communicator& comm, const std::string& path, Model& model);

/// stage_model(), and it takes its name.
void write_model(const Communicator& comm, const std::string& path, Model& model);

/// Reads a model onto the ranks as `dataset` is partitioned. InputError if it was trained on another dataset.
/// Collective.
Model read_model(const Communicator& comm, const std::string& path, const Dataset& dataset);

}  // namespace pushcart
