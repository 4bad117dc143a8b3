#pragma once

#include <string>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// Writes model.h5 (docs/file-formats.md) and sets model.digest. Collective. NumericError (before anything is
/// written) if a number is not finite; StorageError.
void write_model(const Communicator& comm, const std::string& path, Model& model);

/// Reads a model onto the ranks as `dataset` is partitioned. InputError if it was trained on another dataset.
/// Collective.
Model read_model(const Communicator& comm, const std::string& path, const Dataset& dataset);

}  // namespace pushcart
