#pragma once

#include <optional>
#include <vector>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/eval/learn_blend.hpp"

namespace pushcart::app {

/// What a blend has found so far: its weights, if they are learned, then the scales of one model after
/// another.
struct BlendState {
  std::optional<BlendWeights> learned;
  std::vector<std::vector<float>> scales;  ///< by model, by owned user
};

/// Into the file of a state. Collective; StorageError.
void write_blend_state(FileWriter& file, const Communicator& comm, const BlendState& state);
/// Of this rank's users. Local; InputError.
BlendState read_blend_state(const FileReader& file, Range users, Count num_users);

}  // namespace pushcart::app
