#pragma once

#include <string>

#include "pushcart/checkpoint/checkpoint_folder.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart {

/// The kind of these files.
inline constexpr const char* als_checkpoint_kind = "als-checkpoint";

/// Writes the state of a training (docs/checkpoints.md); the file has its name at the end. The same content
/// for any number of ranks. Collective. StorageError.
/// @return its size in bytes
Count write_als_state(const Communicator& comm, const std::string& path, const AlsStateView& state,
                      const WorkIdentity& identity);

/// The state onto the ranks as `train` is partitioned. Collective. InputError if its shapes are not those of
/// `train`.
AlsState read_als_state(const Communicator& comm, const FileReader& file, const Dataset& train);

}  // namespace pushcart
