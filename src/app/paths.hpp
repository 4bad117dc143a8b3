#pragma once

#include <string>

#include "pushcart/comm/communicator.hpp"

namespace pushcart::app {

/// "out/data.h5" -> "out/data.run.json": the run record of a command that writes one file.
std::string record_beside(const std::string& output);

/// "out/model.h5" -> "out/model.checkpoint": the folder of its checkpoints.
std::string checkpoints_beside(const std::string& output);

/// A file of this name in the folder of `path`.
std::string sibling(const std::string& path, const std::string& name);

/// Makes the folder that `path` lies in, if it is not there. Collective; ConfigError if
/// `path` is empty, StorageError.
void make_parent_folder(const Communicator& comm, const std::string& path);

}  // namespace pushcart::app
